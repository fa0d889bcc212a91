//! When somebody is told, and how often.

use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use mocopr_core::clock::ManualClock;

use super::*;
use crate::evidence::{AuditEvent, Decided, Ending};

/// Alerts on a clock that is moved by hand, and how many were given.
struct Watched {
    alerts: Alerts,
    clock: ManualClock,
    told: Arc<AtomicUsize>,
}

impl Watched {
    fn new(said: AlertingConfigBuilder) -> Self {
        let (clock, told) = (ManualClock::new(), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&told);
        let said = said.on_alert(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
        });
        Self { alerts: said.build().open(Arc::new(clock.clone())).unwrap(), clock, told }
    }

    fn after(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    fn saw(&self, times: usize, happening: &Happening<'_>) -> usize {
        (0..times).for_each(|_| self.alerts.saw(happening));
        self.told.load(Ordering::SeqCst)
    }
}

fn failure() -> Happening<'static> {
    let ending = Ending::refused(Decided::Refused, "no credential");
    Happening { action: "authenticate", ending, ..Happening::of(AuditEvent::Authentication) }
}

fn call(ending: Ending) -> Happening<'static> {
    Happening { action: "tools/call", target: "add", ending, ..Happening::of(AuditEvent::ToolExecution) }
}

fn failures(limit: i32) -> Watched {
    Watched::new(AlertingConfig::builder().with_threshold("auth_failures_per_minute", limit))
}

/// S-96
#[test]
fn a_threshold_that_is_reached_is_told_once() {
    let watched = failures(10);
    assert_eq!(watched.saw(9, &failure()), 0);
    assert_eq!(watched.saw(1, &failure()), 1);
    assert_eq!(watched.saw(1_000, &failure()), 1);
    for _ in 0..20 {
        watched.after(30);
        assert_eq!(watched.saw(20, &failure()), 1, "it never fell");
    }
}

/// S-96
#[test]
fn it_is_told_again_once_the_value_has_fallen_and_a_minute_is_over() {
    let watched = failures(10);
    assert_eq!(watched.saw(10, &failure()), 1);
    watched.after(61);
    assert_eq!(watched.saw(9, &failure()), 1);
    assert_eq!(watched.saw(1, &failure()), 2);
    watched.after(61);
    watched.alerts.look();
    assert_eq!(watched.saw(10, &failure()), 3);
}

/// S-96
#[test]
fn a_value_that_goes_up_and_down_around_its_threshold_is_one_alert() {
    let watched = failures(10);
    watched.saw(1, &failure());
    watched.after(30);
    assert_eq!(watched.saw(9, &failure()), 1);
    // Nine of ten are left, which is above four fifths.
    watched.after(30);
    assert_eq!(watched.saw(1, &failure()), 1);
}

/// S-96
#[test]
fn there_is_no_second_alert_within_a_minute_of_the_first() {
    let watched = failures(2);
    watched.saw(1, &failure());
    watched.after(50);
    assert_eq!(watched.saw(1, &failure()), 1);
    watched.after(10);
    watched.alerts.look();
    assert_eq!(watched.saw(1, &failure()), 1, "it fell and rose again within a minute");
    watched.after(49);
    assert_eq!(watched.saw(1, &failure()), 1, "59 seconds");
    watched.after(1);
    assert_eq!(watched.saw(1, &failure()), 2, "60 seconds");
}

/// S-96
#[test]
fn many_threads_that_reach_a_threshold_together_are_one_alert() {
    let watched = failures(100);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| watched.saw(1_000, &failure()));
        }
    });
    assert_eq!(watched.told.load(Ordering::SeqCst), 1);
}

/// S-96
#[test]
fn a_share_needs_calls_enough_to_mean_anything() {
    let shares = || AlertingConfig::builder().with_threshold("error_rate_percentage", 5.0);
    let watched = Watched::new(shares());
    assert_eq!(watched.saw(19, &call(Ending::FAILED)), 0, "nineteen calls");
    assert_eq!(watched.saw(1, &call(Ending::FAILED)), 1);

    let watched = Watched::new(shares());
    assert_eq!(watched.saw(96, &call(Ending::SUCCESS)), 0);
    assert_eq!(watched.saw(5, &call(Ending::FAILED)), 0, "5 of 101");
    assert_eq!(watched.saw(1, &call(Ending::FAILED)), 1, "6 of 102");

    let watched = Watched::new(shares().with_least_calls(NonZeroU32::MIN));
    assert_eq!(watched.saw(1, &call(Ending::FAILED)), 1);
    let refused = call(Ending::refused(Decided::Refused, "rate"));
    let watched = Watched::new(shares());
    assert_eq!(watched.saw(1_000, &refused), 0, "what is refused is no error of the server");
}

/// S-96
#[test]
fn each_threshold_counts_its_own() {
    let one = |name: &str| Watched::new(AlertingConfig::builder().with_threshold(name, 1));
    let rate = Ending::refused(Decided::Refused, "rate");
    let rate = Happening { action: "head", ending: rate, ..Happening::of(AuditEvent::SecurityViolation) };
    let origin = Ending::refused(Decided::Refused, "origin");
    let origin = Happening { action: "head", ending: origin, ..Happening::of(AuditEvent::SecurityViolation) };
    for (name, told) in [
        ("auth_failures_per_minute", [1, 0, 0, 0]),
        ("rate_limit_violations_per_minute", [0, 1, 0, 0]),
        ("refusals_per_minute", [1, 1, 1, 0]),
        ("error_rate_percentage", [0, 0, 0, 0]),
    ] {
        let of = |happening: &Happening<'_>| one(name).saw(1, happening);
        assert_eq!([of(&failure()), of(&rate), of(&origin), of(&call(Ending::SUCCESS))], told, "{name}");
    }
}

/// S-96
#[test]
fn a_callback_that_panics_harms_nobody() {
    let said = AlertingConfig::builder().with_threshold("auth_failures_per_minute", 1);
    let watched = Watched::new(said.on_alert(|_| panic!("it is its owner's code")));
    assert_eq!(watched.saw(1, &failure()), 1, "the next one is called all the same");
}

/// S-96, S-03
#[test]
fn thresholds_that_say_nothing_are_problems() {
    let problems = |name: &str, value: f64| AlertingConfig::builder().with_threshold(name, value).build().problems();
    for value in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(problems("refusals_per_minute", value).len(), 1, "{value}");
    }
    assert_eq!(problems("error_rate_percentage", 100.1).len(), 1);
    assert_eq!(problems("error_rate_percentage", 100.0), []);
    let [unknown] = &problems("auth_failures_per_hour", 1.0)[..] else { panic!("it is one problem") };
    for known in threshold::About::ALL {
        assert!(unknown.mend().contains(known.name()), "{unknown}");
    }
    assert_eq!(AlertingConfig::builder().build().problems().len(), 1, "no threshold at all");
    let twice = AlertingConfig::builder().with_threshold("refusals_per_minute", 1);
    assert_eq!(twice.with_threshold("refusals_per_minute", 2).build().problems().len(), 1);
}

/// S-96
#[cfg(feature = "outbound")]
#[test]
fn a_webhook_is_https_to_others_and_its_url_is_never_said() {
    let secret = |url: &str| crate::redact::Secret::new(url.to_owned());
    let said = || AlertingConfig::builder().with_threshold("refusals_per_minute", 1);
    let open = |said: AlertingConfigBuilder| said.build().open(Arc::new(ManualClock::new()));
    for url in ["http://hooks.example.com/CANARY", "https://127.0.0.1/CANARY", "https://10.0.0.1/CANARY", "CANARY"] {
        let problems = open(said().with_webhook(secret(url))).map(drop).unwrap_err();
        assert_eq!(problems.len(), 1, "{url}");
        assert!(!problems[0].to_string().contains("CANARY"), "{}", problems[0]);
    }
    assert!(open(said().with_webhook_on_insecure_loopback(secret("http://127.0.0.1:9/CANARY"))).is_ok());
    let shown = format!("{:?}", said().with_webhook(secret("https://hooks.example.com/CANARY")).build());
    assert!(!shown.contains("CANARY"), "{shown}");
}
