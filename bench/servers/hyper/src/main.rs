//! The floor under the yardstick: the same typed structs on hyper alone, without routing and extractors.

use anyhow::Result;
use contract::Options;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

fn main() -> Result<()> {
    let options = Options::from_args()?;
    options.threads.run(serve(options))
}

async fn serve(options: Options) -> Result<()> {
    let answers = server_hyper::Answers::new(options.tools)?;
    let socket = TcpListener::bind("127.0.0.1:0").await?;
    contract::listening(socket.local_addr()?);
    loop {
        let (stream, _) = socket.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(answers.clone().speak(TokioIo::new(stream)));
    }
}
