//! Parameters of each method: from slices of the message to the model.
//!
//! Arguments, answers and contexts stay the slices that they are; only their shape is looked at.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    call::{CallTool, Complete, GetPrompt, Initialize, Input, ListPage, ReadResource, Reference, Request},
    envelope::{NotString, Params},
    fault::Fault,
    json::RawJson,
    model::{ask::ListenFilter, content::Level},
    wire::{
        decode::{
            VERSION_BYTES,
            client::ClientInfo,
            member::{Expected, Member, Short, TextObject},
        },
        method::Method,
        revision::{Era, Revision},
    },
};

/// The request of a method that the revision has.
pub(super) fn request(method: Method, params: &Params, revision: Revision) -> Result<Request, Fault> {
    Ok(match method {
        Method::Initialize => Request::Initialize(Box::new(initialize(params)?)),
        Method::Discover => Request::Discover,
        Method::Ping => Request::Ping,
        Method::SetLevel => Request::SetLevel(level(params)?),
        Method::ListTools => Request::ListTools(list_page(params)?),
        Method::CallTool => Request::CallTool(call_tool(params, revision)?),
        Method::ListPrompts => Request::ListPrompts(list_page(params)?),
        Method::GetPrompt => Request::GetPrompt(prompt(params, revision)?),
        Method::ListResources => Request::ListResources(list_page(params)?),
        Method::ListTemplates => Request::ListTemplates(list_page(params)?),
        Method::ReadResource => Request::ReadResource(read_resource(params, revision)?),
        Method::Complete => Request::Complete(Box::new(complete(params, revision)?)),
        Method::Subscribe => Request::Subscribe(required_text(params, "uri", NO_URI)?),
        Method::Unsubscribe => Request::Unsubscribe(required_text(params, "uri", NO_URI)?),
        Method::Listen => Request::Listen(Box::new(listen(params)?)),
    })
}

fn initialize(params: &Params) -> Result<Initialize, Fault> {
    let version: Short<VERSION_BYTES> = member(params, "protocolVersion")
        .required(Fault::Params("params.protocolVersion must be a string of at most 64 bytes"))?;
    let capabilities =
        member(params, "capabilities").required(Fault::Params("params.capabilities must be an object of objects"))?;
    let ClientInfo = member(params, "clientInfo").required(Fault::Params(
        "params.clientInfo must be an object with the strings name and version of at most 1,024 bytes",
    ))?;
    Ok(Initialize { protocol_version: version.0, capabilities })
}

fn level(params: &Params) -> Result<Level, Fault> {
    member(params, "level").required(Fault::Params("params.level must be a log level"))
}

fn list_page(params: &Params) -> Result<ListPage, Fault> {
    Ok(ListPage { cursor: optional_text(params, "cursor", "params.cursor must be a string")? })
}

fn call_tool(params: &Params, revision: Revision) -> Result<CallTool, Fault> {
    Ok(CallTool {
        name: required_text(params, "name", NO_NAME)?,
        arguments: object(params, "arguments", "params.arguments must be an object")?
            .unwrap_or_else(RawJson::empty_object),
        input: input(params, revision)?,
    })
}

fn prompt(params: &Params, revision: Revision) -> Result<GetPrompt, Fault> {
    Ok(GetPrompt {
        name: required_text(params, "name", NO_NAME)?,
        arguments: text_object(params.get("arguments"), "params.arguments must be an object of strings")?,
        input: input(params, revision)?,
    })
}

fn read_resource(params: &Params, revision: Revision) -> Result<ReadResource, Fault> {
    Ok(ReadResource { uri: required_text(params, "uri", NO_URI)?, input: input(params, revision)? })
}

fn input(params: &Params, revision: Revision) -> Result<Input, Fault> {
    match revision.era() {
        Era::Stateful => Ok(Input::default()),
        Era::Stateless => Ok(Input {
            responses: object(params, "inputResponses", "params.inputResponses must be an object")?,
            state: optional_text(params, "requestState", "params.requestState must be a string")?,
        }),
    }
}

fn complete(params: &Params, revision: Revision) -> Result<Complete, Fault> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Target {
        r#type: Member<Box<str>>,
        name: Member<Box<str>>,
        uri: Member<Short<URI_BYTES>>,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Argument {
        name: Member<Box<str>>,
        value: Member<Box<str>>,
    }

    const NO_REFERENCE: Fault =
        Fault::Params("params.ref must be a ref/prompt with a name or a ref/resource with a uri");
    const NO_ARGUMENT: Fault = Fault::Params("params.argument must be an object with the strings name and value");

    let target: Target = structure(params, "ref").ok_or(NO_REFERENCE)?;
    let reference = match &*target.r#type.required(NO_REFERENCE)? {
        "ref/prompt" => Reference::Prompt(target.name.required(NO_REFERENCE)?),
        "ref/resource" => Reference::Resource(target.uri.required(NO_REFERENCE)?.0),
        _ => return Err(NO_REFERENCE),
    };
    let argument: Argument = structure(params, "argument").ok_or(NO_ARGUMENT)?;
    let context = if revision < Revision::V2025_06_18 { None } else { context_arguments(params)? };
    Ok(Complete {
        reference,
        argument: argument.name.required(NO_ARGUMENT)?,
        value: argument.value.required(NO_ARGUMENT)?,
        context: text_object(context, "arguments of params.context must be an object of strings")?,
    })
}

/// `params.context.arguments`, whatever it is.
fn context_arguments(params: &Params) -> Result<Option<RawJson>, Fault> {
    #[derive(Deserialize)]
    struct Context<'a> {
        #[serde(borrow, default, deserialize_with = "some")]
        arguments: Option<&'a RawValue>,
    }

    const NO_CONTEXT: Fault = Fault::Params("params.context must be an object");

    let Some(raw) = object(params, "context", "params.context must be an object")? else { return Ok(None) };
    let context: Context<'_> = raw.decode_borrowed().map_err(|_| NO_CONTEXT)?;
    context.arguments.map(RawJson::encode).transpose().map_err(|_| NO_CONTEXT)
}

/// Reads a value that is there, so that `null` is one and not an absence.
fn some<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

fn listen(params: &Params) -> Result<ListenFilter, Fault> {
    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct Filter {
        tools_list_changed: Member<bool>,
        prompts_list_changed: Member<bool>,
        resources_list_changed: Member<bool>,
        resource_subscriptions: Member<Uris>,
    }

    const NO_FILTER: Fault = Fault::Params("params.notifications must be an object");
    const NO_FLAG: Fault = Fault::Params("each …ListChanged of params.notifications must be a boolean");
    const NO_URIS: Fault = Fault::Params(
        "resourceSubscriptions of params.notifications must be an array of at most 256 URIs of at most 2,048 bytes",
    );

    let filter: Filter = structure(params, "notifications").ok_or(NO_FILTER)?;
    Ok(ListenFilter {
        tools: filter.tools_list_changed.optional(NO_FLAG)?.unwrap_or(false),
        prompts: filter.prompts_list_changed.optional(NO_FLAG)?.unwrap_or(false),
        resources: filter.resources_list_changed.optional(NO_FLAG)?.unwrap_or(false),
        uris: filter.resource_subscriptions.optional(NO_URIS)?.map(|Uris(uris)| uris).unwrap_or_default(),
    })
}

/// URIs that a stream is to tell of.
struct Uris(Vec<Box<str>>);

impl<'de> Expected<'de> for Uris {
    fn array<A: serde::de::SeqAccess<'de>>(mut array: A) -> Result<Option<Self>, A::Error> {
        let mut uris = Some(Vec::new());
        while let Some(element) = array.next_element::<Member<Short<URI_BYTES>>>()? {
            uris = match (uris, element) {
                (Some(mut uris), Member::Is(uri)) if uris.len() < MAX_LISTEN_URIS => {
                    uris.push(uri.0);
                    Some(uris)
                }
                (Some(_) | None, _) => None,
            };
        }
        Ok(uris.map(Self))
    }
}

/// A member of a type; what does not parse is of the wrong type.
fn member<T: for<'de> Expected<'de>>(params: &Params, name: &str) -> Member<T> {
    match params.get(name) {
        None => Member::Absent,
        Some(raw) => raw.decode_borrowed().unwrap_or(Member::Wrong),
    }
}

/// A member that is an object of the given members; `None` where it is absent or something else.
fn structure<T: serde::de::DeserializeOwned>(params: &Params, name: &str) -> Option<T> {
    params.get(name).filter(RawJson::is_object)?.decode().ok()
}

/// A member that is an object, as a slice.
fn object(params: &Params, name: &str, sentence: &'static str) -> Result<Option<RawJson>, Fault> {
    match params.get(name) {
        None => Ok(None),
        Some(raw) if raw.is_object() => Ok(Some(raw)),
        Some(_) => Err(Fault::Params(sentence)),
    }
}

/// A value that is an object of strings, as a slice; an empty object where there is none.
fn text_object(raw: Option<RawJson>, sentence: &'static str) -> Result<RawJson, Fault> {
    let Some(raw) = raw else { return Ok(RawJson::empty_object()) };
    match raw.decode_borrowed::<Member<TextObject>>() {
        Ok(member) if member.is_present() => Ok(raw),
        Ok(_) | Err(_) => Err(Fault::Params(sentence)),
    }
}

fn required_text(params: &Params, name: &str, sentence: &'static str) -> Result<Box<str>, Fault> {
    optional_text(params, name, sentence)?.ok_or(Fault::Params(sentence))
}

fn optional_text(params: &Params, name: &str, sentence: &'static str) -> Result<Option<Box<str>>, Fault> {
    match params.string(name) {
        Ok(text) => Ok(text.map(Into::into)),
        Err(NotString) => Err(Fault::Params(sentence)),
    }
}

const NO_NAME: &str = "params.name must be a string";
const NO_URI: &str = "params.uri must be a string";
/// URIs inside of lists and references, as long as `params.uri` may be.
const URI_BYTES: usize = 2048;
/// URIs of one listen stream: each is matched on every change, and kept as long as the stream is open.
const MAX_LISTEN_URIS: usize = 256;
