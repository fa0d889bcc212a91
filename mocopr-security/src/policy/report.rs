//! What is in force, as a table that an owner reads.

use std::fmt;

use mocopr_core::json::JsonLimits;

use crate::{
    auth::AuthMiddleware,
    error_handler::SecurityLevel,
    policy::{Arguments, CrossOrigin, Profile, RateLimitPolicy, SecurityPolicy, numbers},
    validation::UnknownMembers,
};

/// What a server enforces, row by row; printed at start, and whenever an owner asks.
///
/// ```
/// use mocopr_security::policy::{Report, SecurityPolicy};
///
/// let report = Report::of(&SecurityPolicy::strict().with_authorization_enabled(false));
/// let looser: Vec<&str> = report.rows().iter().filter(|row| row.relaxed).map(|row| row.about).collect();
/// assert_eq!(looser, ["authorization"]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    profile: Profile,
    rows: Vec<Row>,
}

/// One row of a [`Report`].
///
/// An example is at [`Report`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What it is about.
    pub about: &'static str,
    /// What is in force.
    pub holds: String,
    /// It is looser than the strict profile.
    pub relaxed: bool,
}

impl Report {
    /// The rows that follow from a policy.
    pub fn of(policy: &SecurityPolicy) -> Self {
        let mut report = Self { profile: policy.profile, rows: Vec::new() };
        let development = policy.profile == Profile::Development;
        report.say("profile", if development { "development" } else { "strict" }, development);
        match policy.public_url() {
            Some(url) => report.say("public URL", url.as_str(), false),
            None => report.say("public URL", "none: loopback names alone", development),
        }
        let required = policy.requires_authentication();
        let count =
            policy.authenticated_by.iter().map(AuthMiddleware::count).sum::<usize>() + policy.authenticators.len();
        report.say(
            "authentication",
            format!("{}, {count} authenticator{}", if required { "required" } else { "optional" }, plural(count)),
            !required,
        );
        if let Some(users) = policy.local_users() {
            report.say("local users", format!("over Unix sockets, without a credential: {users}"), false);
        }
        if let Some(dpop) = policy.dpop() {
            let demand = if dpop.is_required() { "required of every token" } else { "required of bound tokens" };
            report.say("proofs of possession", demand, false);
        }
        let by_role = policy.authorizes_by_role();
        report.say("authorization", if by_role { "by role" } else { "by handler alone" }, !by_role);
        let RateLimitPolicy { address, principal, heavy } = policy.rates;
        let strict = RateLimitPolicy::production();
        for (about, rate, strict) in [
            ("rate of an address", address, strict.address),
            ("rate of a principal", principal, strict.principal),
            ("rate of a heavy tool", heavy, strict.heavy),
        ] {
            let Some(rate) = rate else {
                report.say(about, "not bounded", true);
                continue;
            };
            let looser = strict.is_some_and(|strict| rate.per_minute > strict.per_minute || rate.burst > strict.burst);
            report.say(about, format!("{} a minute, {} at once", rate.per_minute, rate.burst), looser);
        }
        if let Some(slowing) = policy.slowing() {
            report.say("failures of an address", slowing.in_words(), false);
        }
        let arguments = match (policy.arguments, policy.unknown_members) {
            (Arguments::Checked, UnknownMembers::AsTheSchemaSays) => "checked",
            (Arguments::Checked, UnknownMembers::Refused) => "checked, unknown ones refused",
            (Arguments::Unchecked, UnknownMembers::AsTheSchemaSays | UnknownMembers::Refused) => "not checked",
        };
        report.say("arguments", arguments, policy.arguments == Arguments::Unchecked);
        let JsonLimits { depth, members, string_bytes, elements } = policy.limits.message.arguments;
        let numbers = numbers::compared(&policy.limits);
        let looser = || numbers.iter().filter(|number| number.is_looser());
        report.say(
            "size of arguments",
            format!("{depth} levels, {members} members, strings of {string_bytes} bytes, {elements} elements"),
            looser().any(|number| number.name.starts_with("limits.message.arguments.")),
        );
        for number in looser() {
            report.say(number.name, format!("{}; {} in the strict profile", number.value, number.strict), true);
        }
        match policy.errors.level {
            SecurityLevel::Production => report.say("causes of errors", "for the log alone", false),
            SecurityLevel::Development => report.say("causes of errors", "for callers as well", true),
        }
        let texts =
            |cleaned| if cleaned { "without known secrets and control characters" } else { "as handlers say it" };
        for (about, cleaned) in
            [("sentences of errors", policy.manner().cleans_sentences()), ("output", policy.output().is_some())]
        {
            report.say(about, texts(cleaned), !cleaned);
        }
        match policy.cross_origin {
            CrossOrigin::Listed => {
                let more = policy.allowed_origins.len();
                report.say("web pages", format!("of the own origin and {more} more"), false);
            }
            CrossOrigin::Any => report.say("web pages", "of every origin", true),
        }
        report
    }

    /// It is that of the development profile.
    pub fn is_of_development(&self) -> bool {
        self.profile == Profile::Development
    }

    /// Adds a row.
    pub fn say(&mut self, about: &'static str, holds: impl Into<String>, relaxed: bool) {
        self.rows.push(Row { about, holds: holds.into(), relaxed });
    }

    /// The rows, in the order of the pipeline.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rows.iter().map(|row| row.about.len()).max().unwrap_or_default();
        for row in &self.rows {
            let mark = if row.relaxed { "!" } else { " " };
            writeln!(f, "{mark} {:width$}  {}", row.about, row.holds)?;
        }
        Ok(())
    }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}
