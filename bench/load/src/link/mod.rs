//! One connection by which a call can be made, whatever it speaks: HTTP/1.1, HTTP/2 or WebSocket, with TLS or without.

mod http2;
mod inbox;
mod tls;
mod websocket;

use std::{
    io::{Read, Write},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

pub use self::{
    http2::Http2,
    tls::{Certificate, NAME},
    websocket::WebSocket,
};
use crate::{
    client::Window,
    door::Door,
    http::{Connection, dial},
    process::Process,
    wire::{Accept, FIRST_ID, Question, Request, Revision},
};

/// A connection with at most one call on the way.
pub trait Link {
    /// Asks, under this id.
    ///
    /// # Errors
    /// The server does not read.
    fn ask(&mut self, id: u32) -> Result<()>;

    /// Waits for the whole answer, and checks it.
    ///
    /// # Errors
    /// It is not the expected one, or does not come.
    fn answered(&mut self, id: u32) -> Result<()>;
}

/// What is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wire {
    /// HTTP/1.1 without TLS.
    Plain,
    /// HTTP/1.1 with TLS.
    Https,
    /// HTTP/2 with TLS.
    Http2,
    /// WebSocket without TLS.
    WebSocket,
}

/// The two listeners of a server, and what the second proves itself with.
#[derive(Debug)]
pub struct Doors<'a> {
    /// Without TLS.
    pub plain: Door,
    /// With TLS.
    pub secure: Door,
    /// What the server proves itself with.
    pub certificate: &'a Certificate,
}

impl Doors<'_> {
    /// A connection over which this is asked.
    ///
    /// # Errors
    /// The server refuses it.
    pub fn open(&self, wire: Wire, question: &Question) -> Result<Box<dyn Link>> {
        let over_http = |door| question.over_http(door, Revision::Modern, Accept::Json, None);
        Ok(match wire {
            Wire::Plain => Box::new(Http1::new(dial(&self.plain)?, &self.plain, over_http(&self.plain))),
            Wire::Https => {
                let stream = self.certificate.shake(dial(&self.secure)?, "http/1.1")?;
                Box::new(Http1::new(stream, &self.secure, over_http(&self.secure)))
            }
            Wire::Http2 => {
                let stream = self.certificate.shake(dial(&self.secure)?, "h2")?;
                Box::new(Http2::open(stream, over_http(&self.secure))?)
            }
            Wire::WebSocket => {
                let request = question.over_stdio(Revision::Modern);
                Box::new(WebSocket::open(dial(&self.plain)?, &self.plain, request)?)
            }
        })
    }
}

/// HTTP/1.1.
struct Http1<S> {
    connection: Connection<S>,
    request: Request,
}

impl<S: Read + Write> Http1<S> {
    fn new(stream: S, door: &Door, request: Request) -> Self {
        Self { connection: Connection::over(stream, door), request }
    }
}

impl<S: Read + Write> Link for Http1<S> {
    fn ask(&mut self, id: u32) -> Result<()> {
        self.connection.send(self.request.with_id(id))
    }

    fn answered(&mut self, id: u32) -> Result<()> {
        self.request.check_http(id, &self.connection.receive()?)
    }
}

/// Keeps one call on the way on each connection until the time is over.
///
/// # Errors
/// An answer is not the expected one.
pub fn all_at_once(links: &mut [Box<dyn Link>], server: &Process, time: Duration) -> Result<Window> {
    let mut ids = FIRST_ID..;
    let mut id = || ids.next().context("no more ids");
    let mut on_the_way = Vec::with_capacity(links.len());
    let (begin, cpu) = (Instant::now(), server.cpu()?);
    for link in &mut *links {
        let id = id()?;
        link.ask(id)?;
        on_the_way.push(id);
    }
    let (mut calls, mut open) = (0, true);
    while open {
        open = begin.elapsed() < time;
        for (link, asked) in links.iter_mut().zip(&mut on_the_way) {
            link.answered(*asked)?;
            calls += 1;
            if open {
                *asked = id()?;
                link.ask(*asked)?;
            }
        }
    }
    Ok(Window { calls, wall: begin.elapsed(), cpu: server.cpu()?.saturating_sub(cpu) })
}

/// Calls one time after the other, and answers how many seconds each took.
///
/// # Errors
/// An answer is not the expected one.
pub fn one_by_one(link: &mut dyn Link, calls: u32) -> Result<Vec<f64>> {
    let took = (FIRST_ID..FIRST_ID + calls).map(|id| {
        let begin = Instant::now();
        link.ask(id)?;
        link.answered(id)?;
        Ok(begin.elapsed().as_secs_f64())
    });
    took.collect()
}
