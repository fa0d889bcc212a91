//! Alerts as HTTP requests: a bounded queue, and the guarded client at its end.
//!
//! The URL may be a secret, so nothing here says it.

use std::time::Duration;

use futures_util::FutureExt;
use serde_json::json;
use tokio::{sync::mpsc, time::sleep};
use tracing::warn;

use super::{Alert, AlertingConfigBuilder, Outlet};
use crate::{
    outbound::{OutboundClient, OutboundRequest},
    policy::Problem,
    redact::Secret,
};

impl AlertingConfigBuilder {
    /// Posts each alert to this URL, which must be `https` and lead to a public address: a JSON object with `alert`,
    /// `value`, `threshold`, `window_seconds` and `unix_seconds`.
    ///
    /// It is sent while the server runs, three times at most until it is answered with a status of success. Sixteen
    /// wait at most, and more are left out; the log has all of them.
    pub fn with_webhook(self, url: Secret<String>) -> Self {
        self.with_outlet(move || open(OutboundClient::builder().build()?, url))
    }

    /// As [`with_webhook`](Self::with_webhook), to a program of this machine, by plain HTTP as well.
    pub fn with_webhook_on_insecure_loopback(self, url: Secret<String>) -> Self {
        self.with_outlet(move || open(OutboundClient::builder().allowing_insecure_loopback().build()?, url))
    }
}

fn open(client: OutboundClient, url: Secret<String>) -> Result<Outlet, Problem> {
    client.check(url.expose()).map_err(|error| {
        Problem::new(
            format!("alerts cannot be posted to their webhook: {error}"),
            "give a URL that begins with https:// and names a public host",
        )
    })?;
    let (queue, alerts) = mpsc::channel(QUEUE);
    let call = move |alert: &Alert| {
        if queue.try_send(*alert).is_err() {
            warn!(alert = alert.name, "an alert is not posted: too many wait, or the server has ended");
        }
    };
    Ok(Outlet { call: Box::new(call), work: deliver(client, url, alerts).boxed() })
}

async fn deliver(client: OutboundClient, url: Secret<String>, mut alerts: mpsc::Receiver<Alert>) {
    while let Some(alert) = alerts.recv().await {
        let body = body(&alert);
        for pause in PAUSES {
            sleep(pause).await;
            let request = OutboundRequest::post(url.expose().as_str(), "application/json", body.clone());
            match client.send(request).await {
                Ok(answer) if answer.status().is_success() => break,
                Ok(answer) => warn!(alert = alert.name, status = answer.status().as_u16(), "a webhook did not take it"),
                Err(error) => warn!(alert = alert.name, %error, "a webhook was not reached"),
            }
        }
    }
}

fn body(alert: &Alert) -> String {
    json!({
        "alert": alert.name,
        "value": alert.value,
        "threshold": alert.threshold,
        "window_seconds": alert.window.as_secs(),
        "unix_seconds": alert.unix.as_secs(),
    })
    .to_string()
}

/// Alerts that wait to be posted.
const QUEUE: usize = 16;

/// How long to wait before each attempt.
const PAUSES: [Duration; 3] = [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(5)];
