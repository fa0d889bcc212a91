//! What stands for HTTPS in a build without it: a listener cannot be given TLS.

use std::{convert::Infallible, net::SocketAddr, sync::Arc};

use futures_util::future::BoxFuture;
use mocopr_core::clock::Clock;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::transport::http::{HttpApp, listener::ListenerLimits};

/// There is none.
#[derive(Debug)]
pub(super) struct Secure(Infallible);

impl Secure {
    pub(super) fn asks_clients(&self) -> bool {
        match self.0 {}
    }

    pub(super) fn is_self_signed(&self) -> bool {
        match self.0 {}
    }

    pub(super) fn tell(&self, _: SocketAddr) {
        match self.0 {}
    }

    pub(super) fn serve(
        self,
        _: TcpListener,
        _: Arc<HttpApp>,
        _: ListenerLimits,
        _: Arc<dyn Clock>,
        _: CancellationToken,
        _: CancellationToken,
    ) -> BoxFuture<'static, ()> {
        match self.0 {}
    }
}
