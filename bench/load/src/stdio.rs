//! A client over standard streams: everything at once, or one call after the other.

use std::{
    io::{BufRead, BufReader, Write},
    process::{ChildStdin, ChildStdout},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, ensure};

use crate::{
    process::Process,
    wire::{self, FIRST_ID, Question, Request, Revision},
};

/// How long so many calls took that were written without waiting for answers, from the first byte to the last answer.
/// Answers may come in any order; each must be there once.
///
/// # Errors
/// An answer is not an expected one.
pub fn all_at_once(server: &mut Process, calls: u32) -> Result<Duration> {
    let (mut input, mut request) = shake_hands(server)?;
    let mut lines = Vec::new();
    for number in 0..calls {
        lines.extend_from_slice(request.with_id(FIRST_ID + number));
    }
    let end = server.ender();
    let (_, out) = server.streams();
    let begin = Instant::now();
    // A second thread, because a pipe holds less than all calls, and a server stops reading while nobody takes answers.
    std::thread::scope(|scope| {
        let writer = scope.spawn(move || input.write_all(&lines).map(|()| input));
        let answered = take_answers(out, &request, calls).map(|()| begin.elapsed());
        if answered.is_err() {
            // The writer would wait for ever for a server whose answers nobody takes any more.
            end();
        }
        let written = writer.join().map_err(|_| anyhow!("the writer failed"))?;
        let took = answered?;
        // Standard input stays open until all is answered.
        drop(written?);
        Ok(took)
    })
}

fn take_answers(out: &mut BufReader<ChildStdout>, request: &Request, calls: u32) -> Result<()> {
    let mut seen = vec![false; usize::try_from(calls)?];
    let mut line = Vec::new();
    for _ in 0..calls {
        line.clear();
        ensure!(out.read_until(b'\n', &mut line)? > 0, "the server ended");
        let id = id_of(&line)?;
        request.check(id, &line)?;
        let place = seen.get_mut(usize::try_from(id - FIRST_ID)?).context("an id that was not asked")?;
        ensure!(!std::mem::replace(place, true), "two answers to {id}");
    }
    Ok(())
}

/// How long each of so many calls took, one after the other.
///
/// # Errors
/// An answer is not the expected one.
pub fn one_by_one(server: &mut Process, calls: u32) -> Result<Vec<Duration>> {
    let (mut input, mut request) = shake_hands(server)?;
    let (_, out) = server.streams();
    let mut line = Vec::new();
    let mut took = Vec::new();
    for id in FIRST_ID..FIRST_ID + calls {
        line.clear();
        let bytes = request.with_id(id);
        let begin = Instant::now();
        input.write_all(bytes)?;
        out.read_until(b'\n', &mut line)?;
        took.push(begin.elapsed());
        request.check(id, &line)?;
    }
    Ok(took)
}

fn shake_hands(server: &mut Process) -> Result<(ChildStdin, Request)> {
    let (input, out) = server.streams();
    let mut input = input.take().context("standard input is taken")?;
    input.write_all(format!("{}\n", wire::initialize()).as_bytes())?;
    let mut line = String::new();
    out.read_line(&mut line)?;
    ensure!(line.contains("\"serverInfo\""), "initialize: {line}");
    input.write_all(format!("{}\n", wire::initialized()).as_bytes())?;
    Ok((input, Question::echo(64).over_stdio(Revision::Stateful)))
}

/// The nine digits after `"id":`.
fn id_of(line: &[u8]) -> Result<u32> {
    let line = std::str::from_utf8(line)?;
    let digits = line.split("\"id\":").nth(1).and_then(|rest| rest.get(..9));
    Ok(digits.with_context(|| format!("no id in {line}"))?.parse()?)
}
