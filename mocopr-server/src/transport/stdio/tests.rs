//! Each kind of stream by itself, and all of it in a child process: [`take`] changes the whole process.

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

fn socket() -> (UnixStream, OwnedFd) {
    let (far, near) = UnixStream::pair().unwrap();
    (far, near.into())
}

fn flags_block(stream: &OwnedFd) -> bool {
    !rustix::fs::fcntl_getfl(stream).unwrap().contains(OFlags::NONBLOCK)
}

#[tokio::test]
async fn pipe_is_read_without_a_thread_and_stays_blocking_for_others() {
    let (near, far) = pipe_with(PipeFlags::CLOEXEC).unwrap();
    let shared = near.try_clone().unwrap();
    let mut input = Input::open(near).unwrap();
    assert!(matches!(input, Input::Pipe(_)));
    rustix::io::write(&far, b"hello").unwrap();
    drop(far);
    let mut got = String::new();
    input.read_to_string(&mut got).await.unwrap();
    assert_eq!(got, "hello");
    assert!(flags_block(&shared));
}

#[tokio::test]
async fn pipe_is_written_without_a_thread_and_stays_blocking_for_others() {
    let (far, near) = pipe_with(PipeFlags::CLOEXEC).unwrap();
    let shared = near.try_clone().unwrap();
    let mut output = Output::open(near).unwrap();
    assert!(matches!(output, Output::Pipe(_)));
    assert!(flags_block(&shared));
    drop(shared);
    let reader = std::thread::spawn(move || {
        let mut got = vec![0; 300_000];
        let mut read = 0;
        while read < got.len() {
            read += rustix::io::read(&far, &mut got[read..]).unwrap();
        }
        got
    });
    output.write_all(&[7; 300_000]).await.unwrap();
    output.flush().await.unwrap();
    assert_eq!(reader.join().unwrap(), vec![7; 300_000]);
}

#[tokio::test]
async fn end_of_a_pipe_whose_writer_left_before_is_seen() {
    let (near, far) = pipe_with(PipeFlags::CLOEXEC).unwrap();
    drop(far);
    let mut input = Input::open(near).unwrap();
    assert_eq!(input.read(&mut [0; 10]).await.unwrap(), 0);
}

#[tokio::test]
async fn anything_else_goes_through_a_thread() {
    let (mut far, near) = socket();
    let mut input = Input::open(near.try_clone().unwrap()).unwrap();
    let mut output = Output::open(near).unwrap();
    assert!(matches!((&input, &output), (Input::Thread(_), Output::Thread(_))));

    let sent: Vec<u8> = (0..300_000u32).map(|n| n as u8).collect();
    let echo = std::thread::spawn({
        let sent = sent.clone();
        move || {
            let mut got = vec![0; sent.len()];
            far.read_exact(&mut got).unwrap();
            far.write_all(&got).unwrap();
        }
    });
    output.write_all(&sent).await.unwrap();
    output.flush().await.unwrap();
    let mut got = Vec::new();
    input.read_to_end(&mut got).await.unwrap();
    assert!(got == sent);
    echo.join().unwrap();
}

#[tokio::test]
async fn flush_of_a_thread_waits_until_the_bytes_have_left() {
    let (mut far, near) = socket();
    let mut output = Output::open(near).unwrap();
    output.write_all(b"hello").await.unwrap();
    output.flush().await.unwrap();
    far.set_nonblocking(true).unwrap();
    let mut got = [0; 5];
    far.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"hello");
}

#[tokio::test]
async fn lost_reader_is_an_error_for_the_writer() {
    let (far, near) = socket();
    drop(far);
    let mut output = Output::open(near).unwrap();
    let outcome = async {
        output.write_all(b"hello").await?;
        output.flush().await
    };
    assert!(outcome.await.is_err());
    assert!(output.write_all(b"again").await.is_err());
}

const ROLE: &str = "MOCOPR_TEST_STDIO_CHILD";

/// In the child: takes the streams, tries to disturb them in every way, and echoes one read.
async fn child() {
    let (mut input, mut output) = take().unwrap();
    assert!(take().is_err());
    writeln!(io::stdout(), "stray line").unwrap();
    rustix::io::write(stdio::stdout(), b"stray bytes\n").unwrap();
    let grandchild = Command::new("sh").args(["-c", "echo stray child; cat"]).status().unwrap();
    assert!(grandchild.success());
    let mut got = [0; 100];
    let read = input.read(&mut got).await.unwrap();
    output.write_all(b"echo ").await.unwrap();
    output.write_all(&got[..read]).await.unwrap();
    output.flush().await.unwrap();
    assert_eq!(input.read(&mut got).await.unwrap(), 0);
}

fn spawn(stdin: impl Into<Stdio>, stdout: impl Into<Stdio>) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "transport::stdio::tests::taken_streams_carry_nothing_but_the_protocol", "--nocapture"])
        .env(ROLE, "1")
        .stdin(stdin)
        .stdout(stdout)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What the child answered; the harness of the tests prints its own lines before the streams are taken.
fn protocol(stdout: &str) -> &str {
    stdout.split_once("running 1 test\n").map_or(stdout, |(_, rest)| rest)
}

#[test]
fn taken_streams_carry_nothing_but_the_protocol() {
    if std::env::var_os(ROLE).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        return runtime.block_on(child());
    }
    // Pipes.
    let mut process = spawn(Stdio::piped(), Stdio::piped());
    process.stdin.take().unwrap().write_all(b"over pipes\n").unwrap();
    let output = process.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{stderr}");
    assert_eq!(protocol(std::str::from_utf8(&output.stdout).unwrap()), "echo over pipes\n");
    for stray in ["stray line", "stray bytes", "stray child"] {
        assert!(stderr.contains(stray), "{stray:?} in {stderr}");
    }
    // Sockets, as node gives them.
    let ((mut far_in, near_in), (mut far_out, near_out)) = (socket(), socket());
    let mut process = spawn(near_in, near_out);
    far_in.write_all(b"over sockets\n").unwrap();
    drop(far_in);
    let mut got = String::new();
    far_out.read_to_string(&mut got).unwrap();
    assert!(process.wait().unwrap().success());
    assert_eq!(protocol(&got), "echo over sockets\n");
}

#[test]
fn blocked_read_does_not_keep_the_runtime() {
    let (_far, near) = socket();
    let start = Instant::now();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let mut input = Input::open(near).unwrap();
        let read = tokio::time::timeout(Duration::from_millis(20), input.read(&mut [0; 10])).await;
        assert!(read.is_err());
    });
    drop(runtime);
    assert!(start.elapsed() < Duration::from_secs(1));
}
