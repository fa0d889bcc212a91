//! From a decoded call to its handler: found in the registry, permitted by the gate, its arguments checked, its
//! questions and answers at hand.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use mocopr_core::{
    call::{Call, Complete, Errand, Input, Reference, Request},
    failure::Failure,
    fault::Fault,
    model::tool::Completion,
    outcome::{Outcome, Reply},
    store::{Key, KeyParts, Keyspace},
    uri::{Captures, ResourceUri},
    wire::encode,
};
use mocopr_security::{
    evidence::Ending,
    gate::{Admission, Decision, Target},
    policy::Arguments,
    principal::Principal,
};
use serde::de::IgnoredAny;

use crate::{
    answer::Answer,
    ask::{AskBook, Burn, Repeatable, Retry, StateBind},
    context::{Client, Context},
    engine::{Engine, Refused, Scene, Step},
    handler::{BoxFuture, FoundBy, Handler, Work},
    inflight::Cancel,
    outlet::Outlet,
    registry::{
        mirror,
        snapshot::{Common, FoundResource, PromptEntry, ResourceEntry, Snapshot, TemplateEntry, ToolEntry},
    },
    running::{self, ARGUMENTS_ARE_RESULTS, Running, Start},
    subject::Subject,
};

/// What a call was found to be for.
enum Found {
    Tool(Arc<ToolEntry>),
    Prompt(Arc<PromptEntry>),
    Static(Arc<ResourceEntry>),
    Template(Arc<TemplateEntry>, ResourceUri, Captures),
    /// A resource of a mount, and its path there.
    Mounted(Arc<TemplateEntry>, ResourceUri, Box<str>),
    /// A completion: whose it is, and who makes it if anybody does.
    Completion(Completed, Option<Arc<dyn Handler>>),
}

/// What a completion is for.
#[derive(Clone)]
pub(crate) enum Completed {
    Prompt(Arc<PromptEntry>),
    Template(Arc<TemplateEntry>),
    Resource(Arc<ResourceEntry>),
}

impl Engine {
    /// Starts the handler of a call.
    pub(crate) fn start(
        self: &Arc<Self>,
        admission: &Admission,
        call: Call,
        scene: Scene<'_>,
    ) -> Result<Step, Refused> {
        let snapshot = self.registry.snapshot();
        let found = Found::find(&snapshot, &call.request);
        let target = found.as_ref().map_or(Target::Missing, |found| self.target(found, admission.principal()));
        let of_a_part = matches!(target, Target::Protocol);
        let permit = self.gate.permit(admission, call, target).map_err(|denied| self.denied(denied))?;
        let call = permit.call();
        // The gate permits nothing that is missing.
        let Some(found) = found else { return Err(self.refuse(Some(&call.id), Fault::Internal, call.revision)) };

        if let Found::Tool(entry) = &found {
            self.check_tool(entry, call, scene)?;
        }
        if let Found::Prompt(entry) = &found {
            check_prompt(entry, call).map_err(|fault| self.refuse(Some(&call.id), fault, call.revision))?;
        }
        let Some(handler) = found.handler().or_else(|| self.completing(&found, call)) else {
            let reply = Reply::Completion(Completion::default());
            let body = encode::reply_response(&call.id, &reply, call.revision, self.stamp());
            return Ok(Step::Answer(Answer::message(body)));
        };

        let state_bind = StateBind::of(call);
        let (book, burn) = self.earlier_rounds(call, &found, permit.principal().binding(), state_bind.as_ref())?;
        let log_floor = match scene.session {
            Some(session) => Some(session.level()),
            None => call.meta.log_level,
        };
        let queue = self.limits().queued_messages.get();
        let outlet = Arc::new(Outlet::new(call.meta.progress_token.clone(), log_floor, book, queue));
        let taken = self.take_id(scene, call, Cancel::Call(outlet.clone()))?;
        let client = match scene.session {
            Some(session) => Client::Session(session.clone()),
            None => Client::Stateless(call.meta.capabilities.clone().unwrap_or_default()),
        };
        let (id, revision, admission) = (call.id.clone(), call.revision, permit.admission().clone());
        let principal = admission.principal().clone();
        // A handler may ask for less time than the server gives, never for more.
        let timeout = found.timeout().map_or(self.limits().request, |own| own.min(self.limits().request));
        // Of a part of a mount each completion is decided by itself, like a row of a list.
        let subject = if of_a_part { Subject::List } else { found.subject() };
        let context = Context::new(outlet.clone(), principal.clone(), client, revision, self.clone());
        let work = Work::new(permit, context, found.into_found_by());
        let future = match burn {
            None => handler.call(work),
            Some(burn) => self.burn_first(burn, &principal, handler, work),
        };
        let start = Start { future, outlet, id, revision, admission, subject, state_bind, timeout, taken };
        Ok(Step::Run(Running::new(self.clone(), start), scene.session.cloned()))
    }

    /// What a request is about, of what is registered.
    pub(crate) fn subject_of(&self, request: &Request) -> Option<Subject> {
        Found::find(&self.registry.snapshot(), request).map(|found| found.subject())
    }

    /// What the gate decides about.
    ///
    /// Whoever may read a part of a mount may complete its paths: only those of that part come back, each decided by
    /// itself. Of every other template the values cannot be told apart, so it takes all of the family.
    fn target<'a>(&self, found: &'a Found, who: &Principal) -> Target<'a> {
        let target = found.target();
        let Found::Completion(Completed::Template(entry), None) = found else { return target };
        let of_a_part = entry.mount.is_some() && self.gate.decide(who, target) == Decision::Refused;
        if of_a_part { Target::Protocol } else { target }
    }

    /// Mirrored headers, then the input schema: after the permit, so that strangers cannot probe schemas.
    fn check_tool(&self, entry: &ToolEntry, call: &Call, scene: Scene<'_>) -> Result<(), Refused> {
        let Request::CallTool(tool) = &call.request else { return Ok(()) };
        if let Some(headers) = scene.headers {
            mirror::check(&entry.mirrors, headers, &tool.arguments)
                .map_err(|fault| self.refuse(Some(&call.id), fault, call.revision))?;
        }
        match self.gate.policy().arguments() {
            Arguments::Checked => {}
            Arguments::Unchecked => return Ok(()),
        }
        let Err(mismatch) = entry.input.check_raw(&tool.arguments) else { return Ok(()) };
        let text = mismatch.to_string();
        if call.revision >= ARGUMENTS_ARE_RESULTS {
            let ending = Ending::with_fault(&Fault::Arguments("".into()), None);
            return Err(running::tool_error(&call.id, text, call.revision, self).ending(ending));
        }
        Err(self.refuse(Some(&call.id), Fault::Arguments(text.into()), call.revision))
    }

    /// What completes the path of a mount.
    fn completing(self: &Arc<Self>, found: &Found, call: &Call) -> Option<Arc<dyn Handler>> {
        let Found::Completion(Completed::Template(entry), None) = found else { return None };
        let Request::Complete(complete) = &call.request else { return None };
        let mount = entry.mount.as_ref().filter(|mount| *mount.variable() == *complete.argument)?;
        Some(mount.clone().completing(self.clone(), entry.clone()))
    }

    /// The answers that a retry brings along, and the state that must be burnt before the handler runs.
    fn earlier_rounds(
        &self,
        call: &Call,
        found: &Found,
        principal: &[u8],
        bind: Option<&StateBind>,
    ) -> Result<(AskBook, Option<Burn>), Refused> {
        let input = match call.request.errand() {
            Errand::Tool(call) => &call.input,
            Errand::Prompt(prompt) => &prompt.input,
            Errand::Resource(read) => &read.input,
            Errand::Completion(_) | Errand::Protocol => return Ok((AskBook::default(), None)),
        };
        let Some(bind) = bind else { return Ok((AskBook::default(), None)) };
        let repeatable = found.common().repeatable;
        let (responses, state) = match input {
            Input { responses, state: Some(state) } => (responses, state),
            Input { responses: Some(responses), state: None } if repeatable == Repeatable::Always => {
                return Ok((AskBook::offered(responses), None));
            }
            Input { .. } => return Ok((AskBook::default(), None)),
        };
        let bind: [&[u8]; 2] = [principal, &bind.digest()];
        let now = self.clock.unix();
        match Retry::open(&self.ring, &bind, state, responses.as_ref(), now, repeatable) {
            Ok(Retry { book, burn }) => Ok((book, burn)),
            Err(_) => Err(self.refuse(Some(&call.id), Fault::Sealed("invalid request state"), call.revision)),
        }
    }

    /// Burns a state that may be used once, then runs the handler.
    fn burn_first(
        self: &Arc<Self>,
        burn: Burn,
        principal: &Principal,
        handler: Arc<dyn Handler>,
        work: Work,
    ) -> BoxFuture<'static, Outcome> {
        let key = Key::new(KeyParts {
            keyspace: Keyspace::UsedOnce,
            tenant: principal.tenant().unwrap_or_default(),
            principal: principal.subject(),
            id: burn.nonce.as_bytes(),
        });
        let engine = self.clone();
        Box::pin(async move {
            let life = engine.limits().request_state + BURN_MARGIN;
            match engine.store.put_new(&key, Bytes::new(), life).await {
                Ok(true) => handler.call(work).await,
                Ok(false) => failed(Fault::Sealed("invalid request state")),
                // Without a record that it was used the state could be used twice.
                Err(_) => failed(Fault::Busy { retry_after: Duration::from_secs(1) }),
            }
        })
    }
}

impl Found {
    fn find(snapshot: &Snapshot, request: &Request) -> Option<Self> {
        match request.errand() {
            Errand::Tool(call) => snapshot.tools.find(&call.name).cloned().map(Self::Tool),
            Errand::Prompt(prompt) => snapshot.prompts.find(&prompt.name).cloned().map(Self::Prompt),
            Errand::Resource(read) => {
                let uri = ResourceUri::parse(&read.uri).ok()?;
                match snapshot.resource(&uri)? {
                    FoundResource::Static(entry) => Some(Self::Static(entry.clone())),
                    FoundResource::Template(entry, captures) => {
                        let entry = entry.clone();
                        Some(Self::Template(entry, uri, captures))
                    }
                    FoundResource::Mounted(entry, path) => {
                        let entry = entry.clone();
                        Some(Self::Mounted(entry, uri, path))
                    }
                }
            }
            Errand::Completion(complete) => Self::completion(snapshot, complete),
            Errand::Protocol => None,
        }
    }

    fn completion(snapshot: &Snapshot, complete: &Complete) -> Option<Self> {
        let by = |known: &[(Box<str>, Arc<dyn Handler>)]| {
            known.iter().find(|(argument, _)| *argument == complete.argument).map(|(_, handler)| handler.clone())
        };
        match &complete.reference {
            Reference::Prompt(name) => {
                let entry = snapshot.prompts.find(name)?;
                Some(Self::Completion(Completed::Prompt(entry.clone()), by(&entry.completions)))
            }
            Reference::Resource(uri) => {
                if let Some(entry) = snapshot.templates.iter().find(|entry| entry.info.uri_template == *uri) {
                    return Some(Self::Completion(Completed::Template(entry.clone()), by(&entry.completions)));
                }
                let uri = ResourceUri::parse(uri).ok()?;
                let entry = snapshot.resources.find(uri.canonical())?;
                Some(Self::Completion(Completed::Resource(entry.clone()), None))
            }
        }
    }

    fn target(&self) -> Target<'_> {
        match self {
            Self::Tool(entry) => entry.target(),
            Self::Prompt(entry) => entry.target(),
            Self::Static(entry) => entry.target(),
            Self::Template(entry, uri, _) | Self::Mounted(entry, uri, _) => entry.target_of(uri.canonical()),
            Self::Completion(completed, _) => completed.target(),
        }
    }

    fn common(&self) -> &Common {
        match self {
            Self::Tool(entry) => &entry.common,
            Self::Prompt(entry) | Self::Completion(Completed::Prompt(entry), _) => &entry.common,
            Self::Static(entry) | Self::Completion(Completed::Resource(entry), _) => &entry.common,
            Self::Template(entry, ..) | Self::Mounted(entry, ..) | Self::Completion(Completed::Template(entry), _) => {
                &entry.common
            }
        }
    }

    fn handler(&self) -> Option<Arc<dyn Handler>> {
        match self {
            Self::Completion(_, handler) => handler.clone(),
            Self::Tool(_) | Self::Prompt(_) | Self::Static(_) | Self::Template(..) | Self::Mounted(..) => {
                Some(self.common().handler.clone())
            }
        }
    }

    fn timeout(&self) -> Option<Duration> {
        self.common().timeout
    }

    fn subject(&self) -> Subject {
        match self {
            Self::Tool(entry) => Subject::Tool(entry.clone()),
            Self::Prompt(entry) => Subject::Prompt(entry.clone()),
            Self::Static(entry) => Subject::Resource(entry.clone()),
            Self::Template(entry, uri, _) | Self::Mounted(entry, uri, _) => {
                Subject::Member(entry.clone(), uri.canonical().into())
            }
            Self::Completion(completed, _) => Subject::Completion(completed.clone()),
        }
    }

    fn into_found_by(self) -> FoundBy {
        match self {
            Self::Template(_, _, captures) => FoundBy::Template(captures),
            Self::Mounted(_, _, path) => FoundBy::Mount(path),
            Self::Tool(_) | Self::Prompt(_) | Self::Static(_) | Self::Completion(..) => FoundBy::Name,
        }
    }
}

impl Completed {
    /// What the gate decides about.
    pub(crate) fn target(&self) -> Target<'_> {
        match self {
            Self::Prompt(entry) => entry.target(),
            Self::Template(entry) => entry.target(),
            Self::Resource(entry) => entry.target(),
        }
    }
}

/// Every required argument is there, and nothing that the prompt does not take.
fn check_prompt(entry: &PromptEntry, call: &Call) -> Result<(), Fault> {
    let Request::GetPrompt(prompt) = &call.request else { return Ok(()) };
    let given: BTreeMap<String, IgnoredAny> =
        prompt.arguments.decode().map_err(|_| Fault::Params("params.arguments must be an object of strings"))?;
    if entry.info.arguments.iter().any(|argument| argument.required && !given.contains_key(&*argument.name)) {
        return Err(Fault::Params("a required argument of the prompt is missing"));
    }
    if given.keys().any(|name| !entry.info.arguments.iter().any(|argument| *argument.name == **name)) {
        return Err(Fault::Params("the prompt has no argument of that name"));
    }
    Ok(())
}

fn failed(fault: Fault) -> Outcome {
    Outcome::Failed(Failure::from_fault(fault))
}

/// A used state is remembered a little longer than it would open.
const BURN_MARGIN: Duration = Duration::from_secs(60);
