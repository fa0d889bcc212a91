//! The frames of RFC 6455, as a server reads and writes them: pure functions on bytes.
//!
//! Owns what a head may say. Every refusal is made from the head alone, before a byte of the payload is kept. There are
//! no extensions, so nothing is ever compressed.

use bytes::{BufMut, BytesMut};

use crate::transport::writer::Form;

/// What a frame of a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The first or only frame of a text.
    Text,
    /// A further frame of it.
    Continuation,
    Close,
    Ping,
    Pong,
}

/// The head of a frame of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) kind: Kind,
    /// No further frame belongs to the message.
    pub(crate) is_final: bool,
    /// Bytes of the head itself.
    pub(crate) len: usize,
    /// Bytes behind it.
    pub(crate) payload: usize,
    pub(crate) mask: [u8; 4],
}

/// Why a connection is ended, as the number and the word of its last frame.
///
/// # Source
/// RFC 6455, section 7.4.1, and the registry of close codes of IANA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fail {
    /// 1002: what a peer must not send.
    Protocol,
    /// 1003: binary frames mean nothing here.
    Binary,
    /// 1007: a text that is not UTF-8.
    Text,
    /// 1008: it took too long.
    Slow,
    /// 1009: a message above the cap.
    TooLarge,
    /// 1013: no room for it now.
    Busy,
}

impl Fail {
    /// The code of the last frame.
    pub(crate) fn code(self) -> u16 {
        match self {
            Self::Protocol => 1002,
            Self::Binary => 1003,
            Self::Text => 1007,
            Self::Slow => 1008,
            Self::TooLarge => 1009,
            Self::Busy => 1013,
        }
    }
}

/// What the bytes of a stream begin with.
///
/// `None` where they are not a whole head yet and may become one. `left` bytes are what the current message may still
/// have; `is_open` says that one has begun.
///
/// # Errors
/// A [`Fail`] for a head that a server must not or will not take: reserved bits or opcodes, no mask, a length that is
/// written longer than it needs, a control frame that is fragmented or above 125 bytes, fragments out of order, binary
/// frames, and too much.
///
/// # Source
/// RFC 6455, sections 5.1, 5.2, 5.4 and 5.5.
pub(crate) fn head(bytes: &[u8], is_open: bool, left: usize) -> Result<Option<Head>, Fail> {
    let Some((&first, rest)) = bytes.split_first() else { return Ok(None) };
    if first & RESERVED != 0 {
        return Err(Fail::Protocol);
    }
    let is_final = first & FINAL != 0;
    let kind = match (first & OPCODE, is_open) {
        (0x0, true) => Kind::Continuation,
        (0x1, false) => Kind::Text,
        (0x2, false) => return Err(Fail::Binary),
        (0x8, _) if is_final => Kind::Close,
        (0x9, _) if is_final => Kind::Ping,
        (0xA, _) if is_final => Kind::Pong,
        _ => return Err(Fail::Protocol),
    };
    let Some((&second, rest)) = rest.split_first() else { return Ok(None) };
    if second & MASKED == 0 {
        return Err(Fail::Protocol);
    }
    let short = second & !MASKED;
    let is_control = matches!(kind, Kind::Close | Kind::Ping | Kind::Pong);
    if is_control && short > MOST_CONTROL {
        return Err(Fail::Protocol);
    }
    let (payload, rest) = match short {
        126 => {
            let Some((length, rest)) = rest.split_first_chunk() else { return Ok(None) };
            let length = u64::from(u16::from_be_bytes(*length));
            if length <= u64::from(MOST_CONTROL) {
                return Err(Fail::Protocol);
            }
            (length, rest)
        }
        127 => {
            let Some((length, rest)) = rest.split_first_chunk() else { return Ok(None) };
            let length = u64::from_be_bytes(*length);
            if length <= u64::from(u16::MAX) || length > MOST_LENGTH {
                return Err(Fail::Protocol);
            }
            (length, rest)
        }
        short => (u64::from(short), rest),
    };
    let payload = usize::try_from(payload).map_err(|_| Fail::TooLarge)?;
    if !is_control && payload > left {
        return Err(Fail::TooLarge);
    }
    let Some((mask, rest)) = rest.split_first_chunk() else { return Ok(None) };
    Ok(Some(Head { kind, is_final, len: bytes.len() - rest.len(), payload, mask: *mask }))
}

/// Takes the mask off, or puts it on.
///
/// # Source
/// RFC 6455, section 5.3.
pub(crate) fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (blocks, rest) = payload.as_chunks_mut::<8>();
    for block in blocks {
        *block = (u64::from_ne_bytes(*block) ^ wide).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

/// What a client says when it closes: the code that it is answered with, `None` where it gave none.
///
/// # Errors
/// A [`Fail`] for half a code, for one that nobody may send, and for a reason that is not UTF-8.
///
/// # Source
/// RFC 6455, sections 5.5.1 and 7.4.
pub(crate) fn close_code(payload: &[u8]) -> Result<Option<u16>, Fail> {
    if payload.is_empty() {
        return Ok(None);
    }
    let Some((code, reason)) = payload.split_first_chunk() else { return Err(Fail::Protocol) };
    let code = u16::from_be_bytes(*code);
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(Fail::Protocol);
    }
    if std::str::from_utf8(reason).is_err() {
        return Err(Fail::Text);
    }
    Ok(Some(code))
}

/// A frame without a message: its opcode and at most 125 bytes.
pub(crate) fn control(kind: Control, payload: &[u8]) -> BytesMut {
    let opcode = match kind {
        Control::Close => 0x8,
        Control::Ping => 0x9,
        Control::Pong => 0xA,
    };
    let mut frame = BytesMut::with_capacity(2 + payload.len());
    frame.put_u8(FINAL | opcode);
    frame.put_u8(u8::try_from(payload.len()).unwrap_or(MOST_CONTROL).min(MOST_CONTROL));
    frame.extend(payload.iter().take(usize::from(MOST_CONTROL)));
    frame
}

/// What a server sends beside messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Control {
    Close,
    Ping,
    Pong,
}

/// A message as one text frame.
#[derive(Debug)]
pub(crate) struct AsFrame;

impl Form for AsFrame {
    /// What is kept by a connection that has nothing to say; most answers fit.
    const BLOCK: usize = 8 * 1024;

    fn append(block: &mut BytesMut, message: &[u8]) {
        Self::begin(block, message);
        block.extend_from_slice(message);
    }

    fn begin(block: &mut BytesMut, message: &[u8]) -> bool {
        block.put_u8(FINAL | 0x1);
        match (u8::try_from(message.len()), u16::try_from(message.len())) {
            (Ok(short), _) if short <= MOST_CONTROL => block.put_u8(short),
            (_, Ok(medium)) => {
                block.put_u8(126);
                block.put_u16(medium);
            }
            _ => {
                block.put_u8(127);
                block.put_u64(message.len() as u64);
            }
        }
        true
    }

    fn end(_: &mut BytesMut) {}
}

const FINAL: u8 = 0x80;
const RESERVED: u8 = 0x70;
const OPCODE: u8 = 0x0F;
const MASKED: u8 = 0x80;

/// Bytes of a control frame, and of any frame whose length is one byte.
const MOST_CONTROL: u8 = 125;

/// The most significant bit of a length must be 0.
const MOST_LENGTH: u64 = u64::MAX >> 1;
