//! What mocopr holds while much is asked of it, and after.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};

use super::{Plan, medians, tell};
use crate::{
    client::{Client, shake_hands},
    contestant::{Contestant, MOCOPR},
    http::Connection,
    process::Process,
    results::{Row, Unit},
    wire::{Accept, FIRST_ID, Question, Revision},
};

/// Measures them all; `large_calls` is how many answers of 1 MiB are asked for.
pub fn measure(plan: &mut Plan, large_calls: u32) -> Vec<Row> {
    let Some(who) = plan.contestants.iter().copied().find(|who| who.name == MOCOPR) else { return Vec::new() };
    tell("memory of mocopr");
    let mut rows = Vec::new();
    for (key, title, phases) in [
        ("memory-sessions", "1,000 idle sessions", sessions(&who)),
        ("memory-streams", "1,000 open listen streams", streams(&who)),
        ("memory-large", &*format!("{large_calls} calls of 1 MiB"), large(&who, large_calls)),
    ] {
        let Some(phases) = plan.note(MOCOPR, key, phases) else { continue };
        for (phase, bytes) in ["before", "with", "after"].into_iter().zip(phases) {
            let measured = BTreeMap::from([(MOCOPR, vec![bytes as f64])]);
            let title = format!("resident memory, {title}, {phase}");
            rows.push(medians(&format!("{key}-{phase}"), &title, Unit::Bytes, &measured));
        }
    }
    rows
}

fn sessions(who: &Contestant) -> Result<[u64; 3]> {
    let mut server = Process::start(&who.program(), who.args)?;
    let mut connection = Connection::open(&server.door()?)?;
    let mut opened = vec![shake_hands(&mut connection)?];
    let before = server.resident()?;
    for _ in 1..1_000 {
        opened.push(shake_hands(&mut connection)?);
    }
    let with = server.resident()?;
    for session in opened.into_iter().flatten() {
        let headers = connection.door().headers();
        let end = format!(
            "DELETE /mcp HTTP/1.1\r\n{headers}MCP-Protocol-Version: 2025-11-25\r\nMcp-Session-Id: {session}\r\n\r\n"
        );
        connection.send(end.as_bytes())?;
        let status = connection.receive()?.head.status;
        ensure!((200..300).contains(&status), "DELETE: status {status}");
    }
    Ok([before, with, server.resident()?])
}

fn streams(who: &Contestant) -> Result<[u64; 3]> {
    let mut server = Process::start(&who.program(), &[who.args, &["--streams", "1100"]].concat())?;
    let door = server.door()?;
    let mut request = Question::listen().over_http(&door, Revision::Modern, Accept::Json, None);
    let mut open = |id: u32| -> Result<Connection> {
        let mut connection = Connection::open(&door)?;
        connection.send(request.with_id(id))?;
        let first = connection.receive_first_event()?;
        request.check_http(id, &first)?;
        Ok(connection)
    };
    drop(open(FIRST_ID)?);
    let before = server.resident()?;
    let streams: Vec<_> = (1..=1_000).map(|number| open(FIRST_ID + number)).collect::<Result<_>>()?;
    let with = server.resident()?;
    drop(streams);
    // A call after the connections are gone is answered after the server has seen them go.
    Client::open(&door, 1, &Question::echo(64), Revision::Modern, Accept::Json)?.one_by_one(1_000)?;
    Ok([before, with, server.resident()?])
}

fn large(who: &Contestant, calls: u32) -> Result<[u64; 3]> {
    let mut server = Process::start(&who.program(), who.args)?;
    let door = server.door()?;
    let mut client = Client::open(&door, 1, &Question::blob(1 << 20), Revision::Modern, Accept::Json)?;
    client.one_by_one(1)?;
    let before = server.resident()?;
    let mut most = before;
    for _ in 0..10 {
        client.one_by_one(usize::try_from(calls / 10)?)?;
        most = most.max(server.resident()?);
    }
    drop(client);
    Client::open(&door, 1, &Question::echo(64), Revision::Modern, Accept::Json)?.one_by_one(1_000)?;
    Ok([before, most, server.resident()?])
}
