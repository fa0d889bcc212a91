//! Lines, however they arrive.

use std::{
    num::NonZeroUsize,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use proptest::prelude::*;
use tokio::{
    io::{AsyncWriteExt, ReadBuf},
    sync::mpsc,
};

use super::*;
use crate::transport::writer::WriteFault;

/// A stream that gives its chunks one a read.
struct Chunks(std::collections::VecDeque<Vec<u8>>);

impl AsyncRead for Chunks {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if let Some(mut chunk) = self.0.pop_front() {
            let room = into.remaining().min(chunk.len());
            let rest = chunk.split_off(room);
            into.put_slice(&chunk);
            if !rest.is_empty() {
                self.0.push_front(rest);
            }
        }
        Poll::Ready(Ok(()))
    }
}

fn frames(chunks: impl IntoIterator<Item = Vec<u8>>, cap: usize) -> Vec<Frame> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut lines = LineReader::new(Chunks(chunks.into_iter().filter(|c| !c.is_empty()).collect()), cap);
        let mut found = Vec::new();
        loop {
            let frame = lines.next().await.unwrap();
            found.push(frame.clone());
            if frame == Frame::End {
                assert_eq!(lines.next().await.unwrap(), Frame::End);
                return found;
            }
            assert!(lines.buffer.len() <= cap + 1 + 2 * BLOCK);
        }
    })
}

/// The same by definition, on the whole input.
fn expected(input: &[u8], cap: usize) -> Vec<Frame> {
    let mut found: Vec<Frame> = input
        .split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .filter(|line| !line.is_empty())
        .map(|line| if line.len() > cap { Frame::TooLong } else { Frame::Line(Bytes::copy_from_slice(line)) })
        .collect();
    found.push(Frame::End);
    found
}

fn line(text: &str) -> Frame {
    Frame::Line(Bytes::copy_from_slice(text.as_bytes()))
}

#[test]
fn both_line_breaks_end_a_line_and_empty_lines_are_skipped() {
    let found = frames([b"\n\r\na\r\n\nb\n".to_vec()], 10);
    assert_eq!(found, [line("a"), line("b"), Frame::End]);
}

#[test]
fn last_line_needs_no_line_break() {
    assert_eq!(frames([b"a\nb".to_vec()], 10), [line("a"), line("b"), Frame::End]);
}

#[test]
fn line_at_the_cap_passes_and_one_above_does_not() {
    assert_eq!(frames([b"1234\r\n12345\r\n1\n".to_vec()], 4), [line("1234"), Frame::TooLong, line("1"), Frame::End]);
}

#[test]
fn endless_line_is_told_once_and_not_kept() {
    let chunks = (0..200).map(|_| vec![b'x'; 50_000]).chain([b"\nafter\n".to_vec()]);
    assert_eq!(frames(chunks, 1_000), [Frame::TooLong, line("after"), Frame::End]);
}

proptest! {
    #[test]
    fn any_chunking_reads_like_the_whole(
        input in prop::collection::vec(prop_oneof![3 => Just(b'a'), 1 => Just(b'\n'), 1 => Just(b'\r'), 1 => any::<u8>()], 0..300),
        cuts in prop::collection::vec(0usize..300, 0..20),
        cap in 0usize..20,
    ) {
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(input.len())).collect();
        cuts.extend([0, input.len()]);
        cuts.sort_unstable();
        let chunks: Vec<Vec<u8>> = cuts.windows(2).map(|pair| input[pair[0]..pair[1]].to_vec()).collect();
        let found = frames(chunks, cap);
        prop_assert_eq!(found, expected(&input, cap));
    }
}

#[tokio::test]
async fn lines_that_arrived_together_are_read_at_once() {
    let input = "{\"id\":1}\n".repeat(5_000);
    let mut lines = LineReader::new(input.as_bytes(), 100);
    assert!(matches!(lines.next().await.unwrap(), Frame::Line(_)));
    let mut at_hand = 0;
    while lines.at_hand().is_some() {
        at_hand += 1;
    }
    assert!(at_hand > 4_000, "{at_hand} lines without a read");
}

#[tokio::test]
async fn dropped_read_loses_nothing() {
    let (mut far, near) = tokio::io::duplex(64);
    let mut lines = LineReader::new(near, 100);
    far.write_all(b"half ").await.unwrap();
    tokio::select! {
        biased;
        _ = lines.next() => panic!("no line yet"),
        () = tokio::task::yield_now() => {}
    }
    far.write_all(b"and half\n").await.unwrap();
    assert_eq!(lines.next().await.unwrap(), line("half and half"));
}

/// Remembers each write by itself.
#[derive(Clone, Default)]
struct Recorder {
    writes: Arc<Mutex<Vec<Vec<u8>>>>,
    flushes: Arc<Mutex<usize>>,
}

impl AsyncWrite for Recorder {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.writes.lock().unwrap().push(bytes.to_vec());
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        *self.flushes.lock().unwrap() += 1;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A writer with room for three messages.
fn writer<W: AsyncWrite + Unpin>(output: W, queue: mpsc::Receiver<Bytes>, stall_seconds: u64) -> LineWriter<W> {
    LineWriter::new(output, queue, NonZeroUsize::new(3).unwrap(), Duration::from_secs(stall_seconds))
}

async fn written(messages: &[Bytes]) -> Recorder {
    let (sender, queue) = mpsc::channel(messages.len());
    for message in messages {
        sender.try_send(message.clone()).unwrap();
    }
    drop(sender);
    let recorder = Recorder::default();
    writer(recorder.clone(), queue, 1).run().await.unwrap();
    recorder
}

#[tokio::test]
async fn queued_messages_leave_in_one_write() {
    let recorder = written(&[Bytes::from_static(b"1"), Bytes::from_static(b"2"), Bytes::from_static(b"3")]).await;
    assert_eq!(*recorder.writes.lock().unwrap(), [b"1\n2\n3\n".to_vec()]);
    assert_eq!(*recorder.flushes.lock().unwrap(), 1);
}

#[tokio::test]
async fn large_messages_keep_their_place() {
    let large = Bytes::from(vec![b'x'; 3 * BLOCK]);
    let messages = [Bytes::from_static(b"1"), large.clone(), Bytes::from_static(b"2"), large.clone()];
    let recorder = written(&messages).await;
    let all = recorder.writes.lock().unwrap().concat();
    let found: Vec<&[u8]> = all.split(|byte| *byte == b'\n').collect();
    assert_eq!(found, [&b"1"[..], &large, &b"2"[..], &large, &b""[..]]);
}

#[tokio::test]
async fn message_with_line_breaks_stays_one_line() {
    let mut large = vec![b'x'; 2 * BLOCK];
    large[BLOCK] = b'\n';
    let recorder = written(&[Bytes::from_static(b"{\n\"a\":\r\n1}"), Bytes::from(large)]).await;
    let all = recorder.writes.lock().unwrap().concat();
    assert!(all.starts_with(b"{ \"a\":  1}\nxx"));
    assert_eq!(memchr::memchr_iter(b'\n', &all).count(), 2);
}

#[tokio::test(start_paused = true)]
async fn writer_gives_up_on_a_peer_that_does_not_read() {
    let (near, _far) = tokio::io::duplex(10);
    let (sender, queue) = mpsc::channel(4);
    let mut writer = writer(near, queue, 5);
    let writer = tokio::spawn(async move { writer.run().await });
    sender.send(Bytes::from_static(b"more than ten bytes")).await.unwrap();
    assert!(matches!(writer.await.unwrap(), Err(WriteFault::Stalled)));
    assert!(sender.is_closed());
}

#[tokio::test(start_paused = true)]
async fn slow_reader_that_reads_is_not_cut() {
    let (near, mut far) = tokio::io::duplex(10);
    let (sender, queue) = mpsc::channel(4);
    let mut writer = writer(near, queue, 5);
    let writer = tokio::spawn(async move { writer.run().await });
    sender.send(Bytes::from(vec![b'x'; 99])).await.unwrap();
    drop(sender);
    let mut got = 0;
    while got < 100 {
        tokio::time::advance(Duration::from_secs(4)).await;
        got += far.read(&mut [0; 10]).await.unwrap();
    }
    writer.await.unwrap().unwrap();
}

#[tokio::test]
async fn writer_without_room_comes_back_once_there_is_some() {
    let (near, mut far) = tokio::io::duplex(10);
    let (_sender, queue) = mpsc::channel(4);
    let mut writer = writer(near, queue, 5);
    for message in 0..4 {
        assert_eq!(writer.has_room(), message < 3, "{message}");
        writer.push(Bytes::from(vec![b'x'; BLOCK - 1]));
    }
    let reading = async { while far.read(&mut [0; 10]).await.unwrap() > 0 {} };
    tokio::select! {
        written = writer.write() => written.unwrap(),
        () = reading => panic!("the writer is still there"),
    }
    assert!(writer.has_room());
    // With room it goes on until it fails, and here nobody reads any more.
    drop(far);
    assert!(matches!(writer.write().await, Err(WriteFault::Lost(_))));
}
