//! How a server is reached: the line in which it says so, and the headers that follow from it.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};

/// How a server is reached.
#[derive(Clone, Debug)]
pub struct Door {
    /// Where it listens.
    pub address: SocketAddr,
    /// By which name it is called.
    host: String,
    /// The access token that every request shows, where one has to.
    token: Option<String>,
}

impl Door {
    /// Reads the line of a server: `listening ADDRESS`, or `listening ADDRESS as HOST with TOKEN`.
    ///
    /// # Errors
    /// It is another line.
    pub fn read(line: &str) -> Result<Self> {
        let words: Vec<_> = line.split_whitespace().collect();
        let (address, host, token) = match *words.as_slice() {
            ["listening", address] => (address, address, None),
            ["listening", address, "as", host, "with", token] => (address, host, Some(token.to_owned())),
            _ => bail!("the server said {line:?}"),
        };
        let address = address.parse().with_context(|| format!("{address:?} is no address"))?;
        Ok(Self { address, host: host.to_owned(), token })
    }

    /// The same server by another name.
    #[must_use]
    pub fn called(self, name: &str) -> Self {
        Self { host: format!("{name}:{}", self.address.port()), ..self }
    }

    /// The headers that every request to this server begins with.
    pub fn headers(&self) -> String {
        let Self { address: _, host, token } = self;
        match token {
            Some(token) => format!("Host: {host}\r\nAuthorization: Bearer {token}\r\n"),
            None => format!("Host: {host}\r\n"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_is_shown_where_the_server_gives_one() {
        let open = Door::read("listening 127.0.0.1:80\n").unwrap();
        assert_eq!((open.address.port(), &*open.headers()), (80, "Host: 127.0.0.1:80\r\n"));
        let guarded = Door::read("listening 127.0.0.1:80 as a.test with x.y.z").unwrap();
        assert_eq!(guarded.headers(), "Host: a.test\r\nAuthorization: Bearer x.y.z\r\n");
        assert_eq!(guarded.address, open.address);
    }

    #[test]
    fn another_line_is_no_door() {
        for line in ["", "listening", "listening here", "listening 127.0.0.1:80 as a.test", "error"] {
            assert!(Door::read(line).is_err(), "{line:?}");
        }
    }
}
