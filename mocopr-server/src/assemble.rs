//! A server of what its owner said, or the list of everything that is wrong with it.
//!
//! Each step goes on where the one before it found a problem, so that an owner mends all of them at once.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, AtomicUsize},
};

use mocopr_core::{
    clock::Clock,
    store::{MemoryStore, Store, StoreCapacity},
    wire::{encode::Stamp, revision::Revision},
};
use mocopr_security::{
    auth::LocalUsers,
    evidence::{Evidence, Witness},
    gate::{Gate, Rules},
    policy::{Problem, SecurityPolicy},
    seal::{KeyFile, KeyRing},
    stop::{KillSwitch, Stopper, Turn},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    builder::Said,
    engine::Engine,
    error::{Error, Result},
    evidence::{Opener, Opening},
    registry::{Registry, definitions::Definitions},
    session::Sessions,
    state::States,
    stopping::By,
    subscribe::Hub,
    transport::company::Companion,
};

/// The parts of a server that run.
pub(crate) struct Assembled {
    pub(crate) engine: Arc<Engine>,
    /// What runs beside whatever transport.
    pub(crate) companions: Vec<Box<dyn Companion>>,
}

/// What is wrong with a server, as far as it is known.
struct Found(Vec<Problem>);

/// The key that seals what the server must recognize, and where it came from.
struct StateKey {
    ring: KeyRing,
    /// Looked at while the server runs.
    file: Option<KeyFile>,
    /// The owner gave it, so another process knows it too.
    is_given: bool,
}

impl Said {
    /// Checks and opens everything, and puts it together.
    ///
    /// # Errors
    /// Every problem at once; or no randomness for keys.
    pub(crate) fn assemble(mut self) -> Result<Assembled> {
        let mut found = Found(std::mem::take(&mut self.problems));
        let process = self.process.take().and_then(|inspect| found.but(inspect())).unwrap_or_default();
        if let Some(install) = self.logger.take() {
            found.but(install(self.clock.clone()));
        }
        let policy = self.policy(&mut found);
        let key = self.state_key(&mut found)?;
        let authenticators = found.all_but(policy.open_authenticators(self.clock.clone())).unwrap_or_default();
        let proofs = key.as_ref().and_then(|key| found.but(policy.open_proofs(&key.ring, self.clock.clone()))?);
        self.check(&policy, &mut found);
        let served = served(self.revisions.as_deref().unwrap_or(&Revision::ALL));
        if served.is_empty() {
            found.add(
                "no revision of the protocol is served",
                "name one in .with_revisions([..]), or leave the call out to serve all",
            );
        }
        let registry = registry(self.definitions, &policy, &self.states, self.rules.as_deref(), &mut found);
        let stopper = self.kill_switch.map(KillSwitch::open).and_then(|opened| found.but(opened));
        let told = key.as_ref().map_or_else(Vec::new, |key| witnesses(self.witnesses, key, &self.clock, &mut found));
        let (Some(registry), Some(key), true) = (registry, key, found.0.is_empty()) else {
            return Err(Error::problems_found(found.0));
        };
        let info = self.info.unwrap_or_default();
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(STORE, self.clock.clone()));
        let engine = Engine {
            gate: Gate::new(policy, authenticators, self.rules, self.clock.clone())
                .with_revocations(self.revocations.unwrap_or_default())
                .with_kill_switch(stopper)
                .with_proofs(proofs)
                .with_evidence(Evidence::new(told)),
            process,
            stdio_token: self.stdio_token,
            registry,
            sessions: Sessions::new(self.clock.clone()),
            hub: Arc::new(Hub::default()),
            states: self.states,
            store,
            clock: self.clock,
            ring: key.ring,
            key_file: key.file,
            spans: self.spans,
            stamp: Stamp::new(&info),
            info,
            instructions: self.instructions,
            page_size: self.page_size,
            list_ttl: self.list_ttl,
            served,
            connections: AtomicUsize::new(0),
            tls_failures: AtomicU64::new(0),
            tasks: TaskTracker::new(),
            leaving: AtomicBool::new(false),
            stopping: CancellationToken::new(),
        };
        engine.registry.connect(&engine.hub);
        let engine = Arc::new(engine);
        let is_stopped = engine.gate.stopper().is_some_and(Stopper::is_stopped);
        engine.turned(is_stopped.then_some(Turn::Stopped), By::File);
        self.companions.iter().for_each(|one| one.built(&engine));
        Ok(Assembled { engine, companions: self.companions })
    }

    /// The policy with the parts that were given beside it.
    fn policy(&mut self, found: &mut Found) -> SecurityPolicy {
        let policy = self.policy.take().unwrap_or_else(SecurityPolicy::development);
        let mut policy = self.middleware.drain(..).fold(policy, |policy, (_, slot_into)| slot_into(policy));
        if let Some(validation) = self.input_validation.take() {
            policy = policy.with_input_validation(validation);
        }
        if let Some(validator) = self.input_validator.take() {
            policy = policy.with_input_validator(validator);
        }
        if let Some(errors) = self.error_handler.take() {
            policy = policy.with_error_handler(errors);
        }
        found.0.extend(policy.problems());
        policy
    }

    /// The state key that was given, or one of this process's own.
    ///
    /// # Errors
    /// No randomness.
    fn state_key(&mut self, found: &mut Found) -> Result<Option<StateKey>> {
        let ways = (self.state_key.take(), self.state_key_file.take(), self.state_key_source.take());
        let given = [ways.0.is_some(), ways.1.is_some(), ways.2.is_some()];
        if given.into_iter().filter(|is_given| *is_given).count() > 1 {
            found.add(
                "there are several state keys, where one counts",
                "call one of .with_state_key(..), .with_state_key_file(..) and .with_state_key_source(..)",
            );
        }
        let opened = match ways {
            (None, None, None) => {
                let ring = KeyRing::generate().map_err(|_| Error::entropy())?;
                return Ok(Some(StateKey { ring, file: None, is_given: false }));
            }
            (Some(key), _, _) => KeyRing::from_secret(&key).map(|ring| (ring, None)),
            (None, Some(path), _) => KeyFile::open(&path).map(|(file, ring)| (ring, Some(file))),
            (None, None, Some(open)) => open().map(|(ring, renewing)| {
                self.companions.push(renewing);
                (ring, None)
            }),
        };
        Ok(found.but(opened).map(|(ring, file)| StateKey { ring, file, is_given: true }))
    }

    /// What can be wrong with what was said without anything being opened.
    fn check(&self, policy: &SecurityPolicy, found: &mut Found) {
        if self.rules.is_none() && policy.authorizes_by_role() {
            found.add(
                "roles decide what a caller may do, and there are none",
                "call .with_authorization(RoleBasedAccessControl::builder()..), or \
                 .with_authorization_enabled(false) on the policy to let every caller do what handlers do not restrict",
            );
        }
        if self.stdio_token.is_some() && !policy.has_authenticators() {
            found.add(
                "standard streams have a token, and nobody can say whom it proves",
                "call .with_authentication(..) on the policy",
            );
        }
        if self.info.as_ref().is_none_or(|info| info.name.is_empty() || info.version.is_empty()) {
            found.add("the server has no name or no version", "call .with_info(\"name\", \"1.0.0\")");
        }
    }
}

impl Found {
    fn add(&mut self, what: &str, mend: &str) {
        self.0.push(Problem::new(what, mend));
    }

    /// What was made, where nothing was wrong with it.
    fn but<T>(&mut self, made: std::result::Result<T, Problem>) -> Option<T> {
        made.map_err(|problem| self.0.push(problem)).ok()
    }

    /// The same, where several things may have been wrong.
    fn all_but<T>(&mut self, made: std::result::Result<T, impl IntoIterator<Item = Problem>>) -> Option<T> {
        made.map_err(|problems| self.0.extend(problems)).ok()
    }
}

/// All handlers, where none contradicts another one and every role that they need exists.
fn registry(
    definitions: Definitions,
    policy: &SecurityPolicy,
    states: &States,
    rules: Option<&dyn Rules>,
    found: &mut Found,
) -> Option<Registry> {
    let registry = found.all_but(Registry::new(definitions, policy, states))?;
    if let Some(rules) = rules {
        found.0.extend(unknown_roles(&registry, policy, rules));
    }
    Some(registry)
}

/// A role that a handler requires and nobody can have would hide the handler from everybody, and one that is not
/// defined would leave the user of this machine who has it with nothing.
fn unknown_roles(registry: &Registry, policy: &SecurityPolicy, rules: &dyn Rules) -> Vec<Problem> {
    let snapshot = registry.snapshot();
    let required = snapshot.roles().into_iter().map(|role| ("a handler requires", role));
    let given =
        policy.local_users().into_iter().flat_map(LocalUsers::roles).map(|role| ("a user of this machine has", role));
    let unknown = required.chain(given).filter(|(_, role)| !rules.defines_role(role));
    let problem = |(who, role)| {
        Problem::new(
            format!("{who} the role `{role}`, which is not defined"),
            format!("define it: .with_role(\"{role}\", &[..])"),
        )
    };
    unknown.map(problem).collect()
}

/// Those who keep account, open.
fn witnesses(openers: Vec<Opener>, key: &StateKey, clock: &Arc<dyn Clock>, found: &mut Found) -> Vec<Arc<dyn Witness>> {
    let opening = Opening { clock, ring: &key.ring, key_is_given: key.is_given };
    openers.into_iter().filter_map(|witness| found.all_but(witness.open(&opening))).collect()
}

/// The revisions of a list, each once, oldest first.
fn served(list: &[Revision]) -> Vec<Revision> {
    Revision::ALL.into_iter().filter(|revision| list.contains(revision)).collect()
}

/// Used request states alone live in it: 64 MiB hold half a million of them.
const STORE: StoreCapacity = StoreCapacity { entries: 500_000, bytes: 64 * 1024 * 1024 };
