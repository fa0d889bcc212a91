//! A client over HTTP: it shakes hands where the revision has that, and asks over one or many connections.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::{
    door::Door,
    http::Connection,
    process::Process,
    wire::{self, Accept, FIRST_ID, Question, Request, Revision},
};

/// Connections with one request made for them.
#[derive(Debug)]
pub struct Client {
    connections: Vec<Connection>,
    request: Request,
    next_id: u32,
}

/// What a window of time saw.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Answers, all of them checked.
    pub calls: u32,
    /// How long it was open.
    pub wall: Duration,
    /// What the server used of its processor.
    pub cpu: Duration,
}

impl Client {
    /// Opens so many connections; a stateful client opens one session for all of them.
    ///
    /// # Errors
    /// The server refuses.
    pub fn open(
        door: &Door,
        connections: usize,
        question: &Question,
        revision: Revision,
        accept: Accept,
    ) -> Result<Self> {
        let mut connections: Vec<_> = (0..connections).map(|_| Connection::open(door)).collect::<Result<_>>()?;
        let session = match (revision, connections.first_mut()) {
            (Revision::Stateful, Some(connection)) => shake_hands(connection)?,
            _ => None,
        };
        let request = question.over_http(door, revision, accept, session.as_deref());
        Ok(Self { connections, request, next_id: FIRST_ID })
    }

    /// Asks one time after the other, and answers how long each took.
    ///
    /// # Errors
    /// An answer is not the expected one.
    pub fn one_by_one(&mut self, calls: usize) -> Result<Vec<Duration>> {
        let Self { connections, request, next_id } = self;
        let connection = connections.first_mut().context("no connection")?;
        let mut took = Vec::with_capacity(calls);
        for _ in 0..calls {
            let id = *next_id;
            *next_id += 1;
            let bytes = request.with_id(id);
            let begin = Instant::now();
            connection.send(bytes)?;
            let answer = connection.receive()?;
            took.push(begin.elapsed());
            request.check_http(id, &answer)?;
        }
        Ok(took)
    }

    /// Keeps one request on the way on each connection until the time is over.
    ///
    /// # Errors
    /// An answer is not the expected one.
    pub fn all_at_once(&mut self, server: &Process, time: Duration) -> Result<Window> {
        let Self { connections, request, next_id } = self;
        let mut ids = vec![0; connections.len()];
        let mut ask = |connection: &mut Connection, request: &mut Request, id: &mut u32| {
            *id = *next_id;
            *next_id += 1;
            connection.send(request.with_id(*id))
        };
        let (begin, cpu) = (Instant::now(), server.cpu()?);
        for (connection, id) in connections.iter_mut().zip(&mut ids) {
            ask(connection, request, id)?;
        }
        let (mut calls, mut open) = (0, true);
        while open {
            open = begin.elapsed() < time;
            for (connection, id) in connections.iter_mut().zip(&mut ids) {
                request.check_http(*id, &connection.receive()?)?;
                calls += 1;
                if open {
                    ask(connection, request, id)?;
                }
            }
        }
        Ok(Window { calls, wall: begin.elapsed(), cpu: server.cpu()?.saturating_sub(cpu) })
    }
}

impl Window {
    /// Answers in a second.
    pub fn per_second(&self) -> f64 {
        f64::from(self.calls) / self.wall.as_secs_f64()
    }

    /// The server's processor time for one answer, in seconds.
    pub fn cpu_each(&self) -> f64 {
        self.cpu.as_secs_f64() / f64::from(self.calls.max(1))
    }
}

/// The handshake of the stateful era; answers the session, where the server opens one.
///
/// # Errors
/// The server refuses.
pub fn shake_hands(connection: &mut Connection) -> Result<Option<String>> {
    let request = wire::handshake(connection.door(), None, &wire::initialize());
    connection.send(request.as_bytes())?;
    let answer = connection.receive()?;
    let (status, session) = (answer.head.status, answer.head.session.clone());
    ensure!(status == 200, "initialize: status {status}: {}", String::from_utf8_lossy(answer.body));
    let request = wire::handshake(connection.door(), session.as_deref(), wire::initialized());
    connection.send(request.as_bytes())?;
    let status = connection.receive()?.head.status;
    ensure!(status == 202 || status == 200, "initialized: status {status}");
    Ok(session)
}
