//! The yardstick of standard streams: one line in, one write of one line out, with typed structs and without any check
//! of the protocol.

use std::io::{BufRead, Write};

use anyhow::{Result, bail, ensure};
use contract::{Options, Transport};
use yardstick::{Answer, Initialized, Params, Request, Revision, Tools};

fn main() -> Result<()> {
    let options = Options::from_args()?;
    ensure!(options.transport == Transport::Stdio, "this server has standard streams only: --stdio");
    let tools = yardstick::tools(options.tools)?.leak();
    let (mut lines, mut out) = (std::io::stdin().lock(), std::io::stdout().lock());
    let (mut line, mut answer) = (Vec::new(), Vec::new());
    while lines.read_until(b'\n', &mut line)? > 0 {
        let request: Request = serde_json::from_slice(&line)?;
        line.clear();
        let Some(id) = request.id else { continue };
        answer.clear();
        match (request.method.as_str(), request.params) {
            ("initialize", _) => serde_json::to_writer(&mut answer, &Answer::new(id, Initialized::default()))?,
            ("tools/list", _) => {
                serde_json::to_writer(&mut answer, &Answer::new(id, Tools::new(tools, Revision::Stateful)))?;
            }
            ("tools/call", Some(Params { name: Some(name), arguments: Some(arguments), .. })) => {
                let Some(called) = yardstick::call(&name, arguments, Revision::Stateful) else { bail!("no such tool") };
                serde_json::to_writer(&mut answer, &Answer::new(id, called))?;
            }
            (other, _) => bail!("no method {other}"),
        }
        answer.push(b'\n');
        out.write_all(&answer)?;
        out.flush()?;
    }
    Ok(())
}
