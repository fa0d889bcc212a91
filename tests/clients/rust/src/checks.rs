//! What each client does with each server, and what must come of it.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rmcp::{
    RoleClient,
    model::{
        CallToolRequest, CallToolRequestParams, CallToolResult, ClientRequest, GetPromptRequestParams, LoggingLevel,
        PaginatedRequestParams, ReadResourceRequestParams, RequestMetaObject, ServerNotification, ServerResult,
        SetLevelRequestParams, SubscribeRequestParams, SubscriptionFilter, UnsubscribeRequestParams,
    },
    service::{PeerRequestOptions, RequestHandle, ServiceError},
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    cell::{Cell, Connected},
    report::{Outcome, Report, same},
};

/// Runs every check that the revision has.
pub(crate) async fn run(mut cell: Cell, report: &mut Report) {
    let client = &cell.client;
    let has = |first: &str| cell.revision.as_str() >= first;
    report.check("handshake", handshake(&cell)).await;
    if cell.is_stateless() {
        report.check("era chosen", era_chosen(&cell)).await;
    }
    report.check("list tools", list_tools(client)).await;
    report.check("list prompts", list_prompts(client)).await;
    report.check("list resources", list_resources(client)).await;
    report.check("list templates", list_templates(client)).await;
    report.check("text", text(client)).await;
    report.check("long text", long_text(client)).await;
    report.check("structured", structured(client, has("2025-06-18"))).await;
    report.check("image", image(client)).await;
    report.check("audio", audio(client, has("2025-03-26"))).await;
    report.check("embedded resource", embedded_resource(client)).await;
    report.check("argument in a header", header(client)).await;
    report.check("error of a tool", tool_error(client)).await;
    report.check("wrong arguments", wrong_arguments(client)).await;
    report.check("unknown tool", unknown_tool(client)).await;
    report.check("read text", read_text(client)).await;
    report.check("read bytes", read_bytes(client)).await;
    report.check("read template", read_template(client)).await;
    report.check("read unknown", read_unknown(&cell)).await;
    report.check("prompt", prompt(client)).await;
    report.check("prompt with image", prompt_with_image(client)).await;
    report.check("unknown prompt", unknown_prompt(client)).await;
    report.check("completion", completion(client)).await;
    report.check("progress", progress(client)).await;
    report.check("cancellation", cancellation(client)).await;
    report.check("stream resumed", resumed(client)).await;
    report.check("logging", logging(&cell)).await;
    if has("2025-06-18") {
        report
            .check(
                "form accepted",
                form(client, "Who is it?", "accept", json!({"email": "ada@example.org", "username": "ada"})),
            )
            .await;
        report.check("form declined", form(client, "Say no.", "decline", Value::Null)).await;
        report.check("questions one by one", one_by_one(client)).await;
        report.check("questions at once", at_once(client)).await;
        report.check("question of a prompt", prompt_asks(client)).await;
    } else {
        report.check("form refused", form_refused(client)).await;
        report.skipped("form accepted", "the revision has no forms");
        report.skipped("form declined", "the revision has no forms");
        report.skipped("questions one by one", "the revision has no forms");
        report.skipped("questions at once", "the revision has no forms");
        report.skipped("question of a prompt", "the revision has no forms");
    }
    report.check("sampling", sampling(client)).await;
    report.check("roots", roots(client)).await;
    if cell.is_stateless() {
        report.check("resource updated", listen_resource(client)).await;
        report.check("list changed", listen_tools(client)).await;
        report.skipped("ping", "the revision has no ping");
    } else {
        report.check("resource updated", subscribe(client)).await;
        report.check("list changed", list_changed(client)).await;
        report.check("ping", ping(client)).await;
    }
    report.check("two clients", two_clients(&cell)).await;
    if cell.listens() {
        report.check("server restarted", restarted(&mut cell)).await;
    }
    report.check("end", end(cell)).await;
}

async fn handshake(cell: &Cell) -> Outcome {
    let info = cell.client.peer_info().ok_or("nothing is known of the server")?;
    same("revision", &info.protocol_version, &cell.revision)?;
    let info = json(&*info)?;
    same("name", &info["serverInfo"]["name"], &json!("everything"))?;
    for capability in ["tools", "prompts", "resources", "completions", "logging"] {
        // Completions became a capability in 2025-03-26.
        if capability == "completions" && cell.revision.as_str() < "2025-03-26" {
            continue;
        }
        same(capability, info["capabilities"][capability].is_object(), true)?;
    }
    same("tools change", &info["capabilities"]["tools"]["listChanged"], &json!(true))?;
    same("subscriptions", &info["capabilities"]["resources"]["subscribe"], &json!(true))
}

async fn era_chosen(cell: &Cell) -> Outcome {
    let other = cell.choosing().await?;
    let info = other.peer_info().ok_or("nothing is known of the server")?;
    same("revision", &info.protocol_version, &cell.revision)?;
    text(&other).await?;
    other.cancel().await.map_err(|error| error.to_string())?;
    Ok(())
}

async fn list_tools(client: &Connected) -> Outcome {
    let first = client.list_tools(None).await.map_err(text_of)?;
    same("tools of the first page", first.tools.len(), 5)?;
    let next = PaginatedRequestParams::default().with_cursor(first.next_cursor);
    same("cursor", next.cursor.is_some(), true)?;
    let second = client.list_tools(Some(next)).await.map_err(text_of)?;
    same("tools of the second page", second.tools.len(), 5)?;
    let all = client.list_all_tools().await.map_err(text_of)?;
    let mut names: Vec<_> = all.iter().map(|tool| tool.name.to_string()).collect();
    same("the first pages come first", &names[..10], &names_of(&[first.tools, second.tools].concat())[..])?;
    let count = names.len();
    names.sort();
    names.dedup();
    same("tools that are listed once", names.len(), count)?;
    same("number of tools", count, 32)?;
    let schema = all.iter().find(|tool| tool.name == "test_structured_content").map(|tool| json(&*tool.input_schema));
    let schema = schema.ok_or("test_structured_content is not listed")??;
    same("type of an argument", &schema["properties"]["a"]["type"], &json!("integer"))?;
    same("required", &schema["required"], &json!(["a", "b"]))
}

fn names_of(tools: &[rmcp::model::Tool]) -> Vec<String> {
    tools.iter().map(|tool| tool.name.to_string()).collect()
}

async fn list_prompts(client: &Connected) -> Outcome {
    let all = client.list_all_prompts().await.map_err(text_of)?;
    let mut names: Vec<_> = all.iter().map(|prompt| prompt.name.as_str()).collect();
    names.sort_unstable();
    let expected = [
        "test_input_required_result_prompt",
        "test_prompt_with_arguments",
        "test_prompt_with_embedded_resource",
        "test_prompt_with_image",
        "test_simple_prompt",
    ];
    same("prompts", names, expected.to_vec())?;
    let prompt = all.iter().find(|prompt| prompt.name == "test_prompt_with_arguments").ok_or("it is listed")?;
    let arguments = json(&prompt.arguments)?;
    same("argument", &arguments[0]["name"], &json!("arg1"))?;
    same("required", &arguments[0]["required"], &json!(true))
}

async fn list_resources(client: &Connected) -> Outcome {
    let all = json(&client.list_all_resources().await.map_err(text_of)?)?;
    let uris: Vec<_> = all.as_array().ok_or("no list")?.iter().map(|resource| resource["uri"].clone()).collect();
    let expected = ["test://static-binary", "test://static-text", "test://watched-resource"].map(Value::from);
    let mut uris: Vec<_> = uris;
    uris.sort_by_key(|uri| uri.to_string());
    same("resources", uris, expected.to_vec())
}

async fn list_templates(client: &Connected) -> Outcome {
    let all = json(&client.list_all_resource_templates().await.map_err(text_of)?)?;
    same("number", all.as_array().map(Vec::len), Some(1))?;
    same("template", &all[0]["uriTemplate"], &json!("test://template/{id}/data"))?;
    same("media type", &all[0]["mimeType"], &json!("application/json"))
}

async fn text(client: &Connected) -> Outcome {
    let result = call(client, "test_simple_text", json!({})).await?;
    same("type", &result["content"][0]["type"], &json!("text"))?;
    same("text", &result["content"][0]["text"], &json!("This is a simple text response for testing."))?;
    same("error", result["isError"].as_bool().unwrap_or(false), false)
}

async fn long_text(client: &Connected) -> Outcome {
    let name = "ö\"\n".repeat(50_000);
    let person = json!({"name": name, "email": "ada@example.org", "contactMethod": "email"});
    let result = call(client, "json_schema_2020_12_tool", person.clone()).await?;
    let text = result["content"][0]["text"].as_str().unwrap_or_default();
    let reached = text.strip_prefix("Reached: ").and_then(|text| serde_json::from_str::<Value>(text).ok());
    same("the person came back", reached == Some(person), true)
}

async fn structured(client: &Connected, has_structure: bool) -> Outcome {
    let result = call(client, "test_structured_content", json!({"a": 19, "b": 23})).await?;
    let structure = if has_structure { json!({"sum": 42}) } else { Value::Null };
    same("structure", &result["structuredContent"], &structure)?;
    let text = result["content"][0]["text"].as_str().unwrap_or_default();
    same("text", serde_json::from_str::<Value>(text).unwrap_or_default(), json!({"sum": 42}))
}

async fn image(client: &Connected) -> Outcome {
    let result = call(client, "test_image_content", json!({})).await?;
    same("type", &result["content"][0]["type"], &json!("image"))?;
    same("media type", &result["content"][0]["mimeType"], &json!("image/png"))?;
    same("bytes", &result["content"][0]["data"], &json!(PNG))
}

async fn audio(client: &Connected, has_audio: bool) -> Outcome {
    let result = call(client, "test_audio_content", json!({})).await?;
    if !has_audio {
        // A revision without audio must still get something that it can read.
        return same("type", ["text", "resource"].map(Value::from).contains(&result["content"][0]["type"]), true);
    }
    same("type", &result["content"][0]["type"], &json!("audio"))?;
    same("media type", &result["content"][0]["mimeType"], &json!("audio/wav"))?;
    same("bytes", &result["content"][0]["data"], &json!(WAV))
}

async fn embedded_resource(client: &Connected) -> Outcome {
    let result = call(client, "test_embedded_resource", json!({})).await?;
    let resource = &result["content"][0]["resource"];
    same("address", &resource["uri"], &json!("test://embedded-resource"))?;
    same("text", &resource["text"], &json!("This is an embedded resource content."))
}

async fn header(client: &Connected) -> Outcome {
    let value = "Grüße, =?base64?x?=";
    let result = call(client, "test_custom_header", json!({"value": value})).await?;
    same("text", &result["content"][0]["text"], &json!(value))
}

async fn tool_error(client: &Connected) -> Outcome {
    let result = call(client, "test_error_handling", json!({})).await?;
    same("error", &result["isError"], &json!(true))?;
    same("text", &result["content"][0]["text"], &json!("This tool intentionally returns an error for testing"))
}

async fn wrong_arguments(client: &Connected) -> Outcome {
    match client.call_tool(parameters("test_structured_content", json!({"a": "nineteen", "b": 23}))).await {
        // Since 2025-11-25 the model is to see what is wrong with its arguments, and so it is a result.
        Ok(result) => {
            let result = json(&result)?;
            same("error", &result["isError"], &json!(true))?;
            let text = result["content"][0]["text"].as_str().unwrap_or_default();
            same("the argument is named", text.contains("/a"), true).map_err(|why| format!("{why}: {text}"))
        }
        Err(ServiceError::McpError(error)) => same("code", error.code.0, INVALID_PARAMS),
        Err(error) => Err(error.to_string()),
    }
}

async fn unknown_tool(client: &Connected) -> Outcome {
    refused(client.call_tool(parameters("no_such_tool", json!({}))).await, INVALID_PARAMS)
}

async fn read_text(client: &Connected) -> Outcome {
    let contents = read(client, "test://static-text").await?;
    same("address", &contents["uri"], &json!("test://static-text"))?;
    same("media type", &contents["mimeType"], &json!("text/plain"))?;
    same("text", &contents["text"], &json!("This is the content of the static text resource."))
}

async fn read_bytes(client: &Connected) -> Outcome {
    let contents = read(client, "test://static-binary").await?;
    same("media type", &contents["mimeType"], &json!("image/png"))?;
    same("bytes", &contents["blob"], &json!(PNG))
}

async fn read_template(client: &Connected) -> Outcome {
    let contents = read(client, "test://template/a%20b/data").await?;
    same("address", &contents["uri"], &json!("test://template/a%20b/data"))?;
    let text = contents["text"].as_str().unwrap_or_default();
    let expected = json!({"id": "a b", "templateTest": true, "data": "Data for ID: a b"});
    same("text", serde_json::from_str::<Value>(text).unwrap_or_default(), expected)
}

async fn read_unknown(cell: &Cell) -> Outcome {
    let code = if cell.is_stateless() { INVALID_PARAMS } else { RESOURCE_NOT_FOUND };
    refused(cell.client.read_resource(ReadResourceRequestParams::new("test://absent")).await, code)
}

async fn prompt(client: &Connected) -> Outcome {
    let arguments = object(json!({"arg1": "one", "arg2": "two"}));
    let asked = GetPromptRequestParams::new("test_prompt_with_arguments").with_arguments(arguments);
    let result = json(&client.get_prompt(asked).await.map_err(text_of)?)?;
    same("role", &result["messages"][0]["role"], &json!("user"))?;
    let text = &result["messages"][0]["content"]["text"];
    same("text", text, &json!("Prompt with arguments: arg1='one', arg2='two'"))
}

async fn prompt_with_image(client: &Connected) -> Outcome {
    let asked = GetPromptRequestParams::new("test_prompt_with_image");
    let result = json(&client.get_prompt(asked).await.map_err(text_of)?)?;
    same("bytes", &result["messages"][0]["content"]["data"], &json!(PNG))?;
    same("text", &result["messages"][1]["content"]["text"], &json!("Please analyze the image above."))
}

async fn unknown_prompt(client: &Connected) -> Outcome {
    refused(client.get_prompt(GetPromptRequestParams::new("no_such_prompt")).await, INVALID_PARAMS)
}

async fn completion(client: &Connected) -> Outcome {
    let values = client.complete_prompt_simple("test_prompt_with_arguments", "arg1", "par").await.map_err(text_of)?;
    same("values", values, ["paris", "park", "party"].map(str::to_owned).to_vec())
}

async fn progress(client: &Connected) -> Outcome {
    let before = client.service().told("progress").len();
    let handle = send(client, "test_tool_with_progress", json!({}), None).await?;
    let token = json(&handle.progress_token)?;
    let result = result_of(handle).await?;
    same("text", &result["content"][0]["text"], &json!("Progress was told."))?;
    client.service().wait_for("progress", before + 3).await;
    let told = client.service().told("progress");
    let expected = [0.0, 50.0, 100.0].map(|done| json!([token, done, 100.0]));
    same("progress", &told[before..], &expected[..])
}

async fn cancellation(client: &Connected) -> Outcome {
    let handle = send(client, "test_waiting", json!({}), None).await?;
    let begun = call(client, "test_waiting_ended", json!({"begun": 1, "ended": 0})).await?;
    same("before", &begun["content"][0]["text"], &json!("begun 1, ended 0"))?;
    let asked = Instant::now();
    handle.cancel(Some("nobody waits".to_owned())).await.map_err(text_of)?;
    let ended = call(client, "test_waiting_ended", json!({"begun": 1, "ended": 1})).await?;
    same("after", &ended["content"][0]["text"], &json!("begun 1, ended 1"))?;
    same("the handler is dropped at once", asked.elapsed() < PROMPTLY, true)
}

async fn resumed(client: &Connected) -> Outcome {
    let result = call(client, "test_reconnection", json!({})).await?;
    same("text", &result["content"][0]["text"], &json!("The client came back for this."))
}

async fn logging(cell: &Cell) -> Outcome {
    let client = &cell.client;
    let mut meta = None;
    if cell.is_stateless() {
        call(client, "test_logging_tool", json!({})).await?;
        same("logs that nobody asked for", client.service().told("log").len(), 0)?;
        meta.get_or_insert_with(RequestMetaObject::default).set_log_level(LoggingLevel::Info);
    } else {
        client.set_level(SetLevelRequestParams::new(LoggingLevel::Error)).await.map_err(text_of)?;
        call(client, "test_tool_with_logging", json!({})).await?;
        same("logs below the level", client.service().told("log").len(), 0)?;
        client.set_level(SetLevelRequestParams::new(LoggingLevel::Info)).await.map_err(text_of)?;
    }
    result_of(send(client, "test_tool_with_logging", json!({}), meta).await?).await?;
    client.service().wait_for("log", 3).await;
    let expected = ["Tool execution started", "Tool processing data", "Tool execution completed"];
    same("logs", client.service().told("log"), expected.map(|text| json!(["info", text])).to_vec())
}

async fn form(client: &Connected, question: &str, action: &str, content: Value) -> Outcome {
    let before = client.service().told("elicitation").len();
    let result = call(client, "test_elicitation", json!({"message": question})).await?;
    let text = result["content"][0]["text"].as_str().unwrap_or_default();
    let rest = text.strip_prefix(&format!("User response: action={action}, content="));
    let answered = rest.and_then(|rest| serde_json::from_str::<Value>(rest).ok());
    same("answer", answered, Some(content)).map_err(|why| format!("{why}: {text}"))?;
    let asked = client.service().told("elicitation").split_off(before);
    same("questions", asked.len(), 1)?;
    same("question", &asked[0]["message"], &json!(question))?;
    same("field", &asked[0]["requestedSchema"]["properties"]["email"]["type"], &json!("string"))
}

/// In a revision without forms the call fails at once, whatever the client says that it can do.
async fn form_refused(client: &Connected) -> Outcome {
    let asked = parameters("test_elicitation", json!({"message": "Who is it?"}));
    refused(client.call_tool(asked).await, MISSING_CAPABILITY)?;
    same("questions", client.service().told("elicitation").len(), 0)
}

async fn one_by_one(client: &Connected) -> Outcome {
    let result = call(client, "test_input_required_result_multi_round", json!({})).await?;
    same("text", &result["content"][0]["text"], &json!("Ada likes green"))
}

async fn at_once(client: &Connected) -> Outcome {
    let result = call(client, "test_input_required_result_multiple_inputs", json!({})).await?;
    same("text", &result["content"][0]["text"], &json!("Paris Ada, 2 roots"))
}

async fn prompt_asks(client: &Connected) -> Outcome {
    let asked = GetPromptRequestParams::new("test_input_required_result_prompt");
    let result = json(&client.get_prompt(asked).await.map_err(text_of)?)?;
    same("text", &result["messages"][0]["content"]["text"], &json!("Use this context: the sea"))
}

async fn sampling(client: &Connected) -> Outcome {
    let result = call(client, "test_sampling", json!({"prompt": "The capital of France?"})).await?;
    same("text", &result["content"][0]["text"], &json!("LLM response: Paris"))?;
    let asked = client.service().told("sampling").pop().unwrap_or_default();
    let content = &asked[0]["content"];
    let content = content.get(0).unwrap_or(content);
    same("question", &content["text"], &json!("The capital of France?"))
}

async fn roots(client: &Connected) -> Outcome {
    let result = call(client, "test_input_required_result_list_roots", json!({})).await?;
    same("text", &result["content"][0]["text"], &json!("file:///first\nfile:///second"))
}

async fn subscribe(client: &Connected) -> Outcome {
    client.subscribe(SubscribeRequestParams::new(WATCHED)).await.map_err(text_of)?;
    call(client, "test_trigger_resource_update", json!({})).await?;
    client.service().wait_for("updated", 1).await;
    client.unsubscribe(UnsubscribeRequestParams::new(WATCHED)).await.map_err(text_of)?;
    call(client, "test_trigger_resource_update", json!({})).await?;
    // Over standard streams, what was told before the answer to a later request has arrived by then.
    call(client, "test_simple_text", json!({})).await?;
    same("updates", client.service().told("updated"), vec![json!(WATCHED)])
}

async fn list_changed(client: &Connected) -> Outcome {
    call(client, "test_trigger_tool_change", json!({})).await?;
    client.service().wait_for("tools changed", 1).await;
    Ok(())
}

async fn listen_resource(client: &Connected) -> Outcome {
    let filter = SubscriptionFilter::builder().resource_subscription(WATCHED).build();
    let mut stream = client.listen(filter).await.map_err(text_of)?;
    same("what is granted", &stream.acknowledged().resource_subscriptions, &Some(vec![WATCHED.to_owned()]))?;
    call(client, "test_trigger_resource_update", json!({})).await?;
    let told = stream.next().await.map_err(text_of)?;
    let Some(ServerNotification::ResourceUpdatedNotification(told)) = told else {
        return Err(format!("{told:?} instead of an update"));
    };
    same("address", told.params.uri.as_str(), WATCHED)?;
    stream.cancel().await.map_err(text_of)
}

async fn listen_tools(client: &Connected) -> Outcome {
    let filter = SubscriptionFilter::builder().tools_list_changed().build();
    let mut stream = client.listen(filter).await.map_err(text_of)?;
    same("what is granted", stream.acknowledged().tools_list_changed, Some(true))?;
    call(client, "test_trigger_tool_change", json!({})).await?;
    let told = stream.next().await.map_err(text_of)?;
    same("a change", matches!(told, Some(ServerNotification::ToolListChangedNotification(_))), true)?;
    stream.cancel().await.map_err(text_of)
}

async fn ping(client: &Connected) -> Outcome {
    let request = ClientRequest::PingRequest(Default::default());
    let answer = client.send_request(request).await.map_err(text_of)?;
    same("an empty answer", matches!(answer, ServerResult::EmptyResult(_)), true)
}

/// Both clients call at the same time; each gets its own answers and its own progress.
async fn two_clients(cell: &Cell) -> Outcome {
    let other = cell.another().await?;
    let clients = [&cell.client, &other];
    let before = clients.map(|client| client.service().told("progress").len());
    let sums = clients.into_iter().enumerate().flat_map(|(who, client)| {
        (0..10).map(move |number| async move {
            let result = call(client, "test_structured_content", json!({"a": who * 1000, "b": number})).await?;
            let text = result["content"][0]["text"].as_str().unwrap_or_default().to_owned();
            let sum = serde_json::from_str::<Value>(&text).unwrap_or_default();
            same("sum", &sum["sum"], &json!(who * 1000 + number))
        })
    });
    let progress = clients.map(|client| async move {
        let handle = send(client, "test_tool_with_progress", json!({}), None).await?;
        let token = json(&handle.progress_token)?;
        result_of(handle).await?;
        Ok::<_, String>(token)
    });
    let (sums, tokens) = futures_util::join!(join_all(sums), join_all(progress));
    sums.into_iter().collect::<Result<Vec<_>, _>>()?;
    for (who, token) in tokens.into_iter().enumerate() {
        let (client, token) = (clients[who], token?);
        client.service().wait_for("progress", before[who] + 3).await;
        let told = client.service().told("progress").split_off(before[who]);
        same("progress", told, [0.0, 50.0, 100.0].map(|done| json!([token, done, 100.0])).to_vec())?;
    }
    other.cancel().await.map_err(|error| error.to_string())?;
    text(&cell.client).await
}

/// The session is gone with the server; the client opens another one by itself.
async fn restarted(cell: &mut Cell) -> Outcome {
    cell.restart().await?;
    text(&cell.client).await
}

async fn end(cell: Cell) -> Outcome {
    cell.client.cancel().await.map_err(|error| error.to_string())?;
    Ok(())
}

async fn call(client: &Connected, name: &'static str, arguments: Value) -> Result<Value, String> {
    json(&client.call_tool(parameters(name, arguments)).await.map_err(text_of)?)
}

/// Sends a call without waiting for its answer.
async fn send(
    client: &Connected,
    name: &'static str,
    arguments: Value,
    meta: Option<RequestMetaObject>,
) -> Result<RequestHandle<RoleClient>, String> {
    let request = ClientRequest::CallToolRequest(CallToolRequest::new(parameters(name, arguments)));
    let mut options = PeerRequestOptions::no_options();
    options.meta = meta;
    client.send_cancellable_request(request, options).await.map_err(text_of)
}

async fn result_of(handle: RequestHandle<RoleClient>) -> Result<Value, String> {
    match handle.await_response().await.map_err(text_of)? {
        ServerResult::CallToolResult(result) => json::<CallToolResult>(&result),
        other => Err(format!("{other:?} instead of a tool's result")),
    }
}

async fn read(client: &Connected, uri: &str) -> Result<Value, String> {
    let result = client.read_resource(ReadResourceRequestParams::new(uri)).await.map_err(text_of)?;
    same("contents", result.contents.len(), 1)?;
    json(&result.contents[0])
}

/// Whether the server refused with this code.
fn refused<T: std::fmt::Debug>(answer: Result<T, ServiceError>, code: i32) -> Outcome {
    match answer {
        Err(ServiceError::McpError(error)) => same("code", error.code.0, code),
        other => Err(format!("{other:?} instead of a refusal")),
    }
}

fn parameters(name: &'static str, arguments: Value) -> CallToolRequestParams {
    CallToolRequestParams::new(name).with_arguments(object(arguments))
}

fn object(value: Value) -> rmcp::model::JsonObject {
    value.as_object().cloned().unwrap_or_default()
}

fn json<T: Serialize>(value: &T) -> Result<Value, String> {
    serde_json::to_value(value).map_err(|error| error.to_string())
}

fn text_of(error: ServiceError) -> String {
    error.to_string()
}

const INVALID_PARAMS: i32 = -32602;
const MISSING_CAPABILITY: i32 = -32021;
const RESOURCE_NOT_FOUND: i32 = -32002;
const WATCHED: &str = "test://watched-resource";
/// What a cancelled handler may take to end, on a busy machine.
const PROMPTLY: Duration = Duration::from_secs(5);
/// The picture of the example.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";
/// The sound of the example.
const WAV: &str = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAAAAA==";
