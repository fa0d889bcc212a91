//! Frames of a WebSocket, held against a plain reading of RFC 6455.

use futures_util::FutureExt;
use mocopr_server::fuzzing::{FrameEvent, frames};

use crate::draw::Draw;

/// Frames mean what a plain reading of the whole stream says, in whatever pieces they arrive: whole texts, pings, one end,
/// and nothing behind it.
pub fn web_socket_frames(data: &[u8]) {
    let mut draw = Draw::new(data);
    let cap = draw.below(300);
    let sizes: Vec<usize> = (0..draw.byte() % 8).map(|_| 1 + draw.below(20)).collect();
    // Bytes that a mask makes hard to guess are masked here, so that a change of one byte is one of one character.
    let stream = match draw.one_in(2) {
        true => masked(&mut draw),
        false => draw.rest().to_vec(),
    };
    let mut chunks = Vec::new();
    let mut rest = &stream[..];
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (chunk, behind) = rest.split_at((*size).min(rest.len()));
        chunks.push(chunk);
        rest = behind;
    }
    let whole = [&stream[..]];
    let read = |chunks: &[&[u8]]| frames(chunks, cap).now_or_never().expect("a stream of chunks never waits");
    let found = read(&whole);
    assert_eq!(found, plainly(&stream, cap), "{stream:x?}");
    if !sizes.is_empty() {
        assert_eq!(read(&chunks), found, "{stream:x?} in other pieces");
    }
}

/// Frames with the lengths that they should have and a mask, of first bytes and payloads that are drawn.
fn masked(draw: &mut Draw<'_>) -> Vec<u8> {
    let mut stream = Vec::new();
    while !draw.is_empty() {
        let first = *draw.pick(&[0x81, 0x01, 0x00, 0x80, 0x89, 0x8A, 0x88, 0x82, 0xC1]);
        let payload = draw.bytes(200);
        let mask: [u8; 4] = std::array::from_fn(|_| draw.byte());
        stream.push(first);
        match u8::try_from(payload.len()) {
            Ok(short @ 0..=125) => stream.push(0x80 | short),
            _ => stream.extend([0xFE, 0, u8::try_from(payload.len()).unwrap_or(u8::MAX)]),
        }
        stream.extend(mask);
        stream.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    }
    stream
}

/// What section 5.2 of RFC 6455 says of a stream of a client, read from its beginning and with all of it there.
fn plainly(stream: &[u8], cap: usize) -> Vec<FrameEvent> {
    let mut found = Vec::new();
    let (mut at, mut text): (usize, Option<Vec<u8>>) = (0, None);
    let byte = |at: usize| stream.get(at).copied();
    loop {
        let Some(first) = byte(at) else { return found };
        let (is_final, opcode) = (first >> 7 == 1, first & 0xF);
        let fits = match opcode {
            0 => text.is_some(),
            1 => text.is_none(),
            2 if text.is_none() && first >> 4 & 7 == 0 => return ended(found, FrameEvent::Failed(1003)),
            8..=10 => is_final,
            _ => false,
        };
        if first >> 4 & 7 != 0 || !fits {
            return ended(found, FrameEvent::Failed(1002));
        }
        let Some(second) = byte(at + 1) else { return found };
        let wide = match second & 0x7F {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        if second >> 7 == 0 || (opcode >= 8 && wide > 0) {
            return ended(found, FrameEvent::Failed(1002));
        }
        let Some(extended) = stream.get(at + 2..at + 2 + wide) else { return found };
        let length = extended.iter().fold(0_u64, |length, byte| length << 8 | u64::from(*byte));
        let length = if wide == 0 { u64::from(second & 0x7F) } else { length };
        let least = [0, 0, 126, 0, 0, 0, 0, 0, 65_536][wide];
        if length < least || length >> 63 == 1 {
            return ended(found, FrameEvent::Failed(1002));
        }
        let before = text.as_ref().map_or(0, Vec::len);
        if opcode < 8 && length > (cap - before) as u64 {
            return ended(found, FrameEvent::Failed(1009));
        }
        let start = at + 2 + wide;
        let Some(mask) = stream.get(start..start + 4) else { return found };
        let Some(payload) = stream.get(start + 4..start + 4 + length as usize) else { return found };
        let payload: Vec<u8> = payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
        at = start + 4 + length as usize;
        match opcode {
            8 => return ended(found, closed(&payload)),
            9 => found.push(FrameEvent::Ping(payload.into())),
            10 => {}
            _ => {
                let mut so_far = text.take().unwrap_or_default();
                so_far.extend(payload);
                match (std::str::from_utf8(&so_far), is_final) {
                    (Ok(_), true) => found.push(FrameEvent::Message(so_far.into())),
                    (Ok(_), false) => text = Some(so_far),
                    // The rest of a character may come.
                    (Err(error), false) if error.error_len().is_none() => text = Some(so_far),
                    (Err(_), _) => return ended(found, FrameEvent::Failed(1007)),
                }
            }
        }
    }
}

fn closed(payload: &[u8]) -> FrameEvent {
    let [high, low, reason @ ..] = payload else {
        return if payload.is_empty() { FrameEvent::Close(None) } else { FrameEvent::Failed(1002) };
    };
    let code = u16::from(*high) << 8 | u16::from(*low);
    match code {
        ..=999 | 1004..=1006 | 1015..=2999 | 5000.. => FrameEvent::Failed(1002),
        _ if std::str::from_utf8(reason).is_err() => FrameEvent::Failed(1007),
        code => FrameEvent::Close(Some(code)),
    }
}

fn ended(mut found: Vec<FrameEvent>, last: FrameEvent) -> Vec<FrameEvent> {
    found.push(last);
    found
}
