// Calls the server with the official TypeScript SDK and prints, as one JSON object, what came of each feature:
// `node typescript_sdk.mjs URL VERSION`. A version of the handshake era is called with SDK 1, 2026-07-28 with SDK 2.

const [url, version] = process.argv.slice(2);
const modern = version === "2026-07-28";
const said = [];

const client = modern ? await sdk2() : await sdk1();

async function sdk1() {
  const { Client } = await import("@modelcontextprotocol/sdk/client/index.js");
  const { StreamableHTTPClientTransport } = await import("@modelcontextprotocol/sdk/client/streamableHttp.js");
  const { LoggingMessageNotificationSchema } = await import("@modelcontextprotocol/sdk/types.js");
  const made = new Client({ name: "typescript", version: "1" });
  made.setNotificationHandler(LoggingMessageNotificationSchema, (message) => said.push(message.params.data.msg));
  const transport = new StreamableHTTPClientTransport(new URL(url));
  await made.connect(transport);
  return Object.assign(made, {
    call: (params, options) => made.callTool(params, undefined, options),
    version: transport.protocolVersion,
  });
}

async function sdk2() {
  const { Client, StreamableHTTPClientTransport } = await import("@modelcontextprotocol/client");
  const made = new Client(
    { name: "typescript", version: "2" },
    { capabilities: { elicitation: { form: {} } }, versionNegotiation: { mode: { pin: version } } },
  );
  made.setNotificationHandler("notifications/message", (message) => said.push(message.params.data.msg));
  made.setRequestHandler("elicitation/create", ({ params }) => ({
    action: "accept",
    content: Object.fromEntries(Object.keys(params.requestedSchema.properties).map((name) => [name, `some ${name}`])),
  }));
  await made.connect(new StreamableHTTPClientTransport(new URL(url)));
  return Object.assign(made, {
    call: (params, options) => made.callTool(params, options),
    version: made.getNegotiatedProtocolVersion(),
  });
}

async function listed() {
  // SDK 2 fetches every page by itself, unless it is given a cursor.
  const names = [];
  for (let page = await client.listTools(); ; page = await client.listTools({ cursor: page.nextCursor })) {
    names.push(...page.tools.map((tool) => tool.name));
    if (!page.nextCursor) {
      return names.filter((name) => ["test_simple_text", "test_streaming_elicitation"].includes(name));
    }
  }
}

async function progress() {
  const steps = [];
  await client.call({ name: "test_tool_with_progress", arguments: {} }, { onprogress: (step) => steps.push(step.progress) });
  return steps;
}

async function log() {
  const _meta = modern ? { "io.modelcontextprotocol/logLevel": "info" } : undefined;
  await client.call({ name: "test_tool_with_logging", arguments: {}, _meta });
  return said;
}

async function cancel() {
  const stop = new AbortController();
  const started = () => stop.abort("enough");
  const call = client.call({ name: "test_waiting", arguments: {} }, { signal: stop.signal, onprogress: started });
  return call.then(() => "answered", () => "given up");
}

const features = {
  version: () => client.version,
  list: listed,
  call: async () => (await client.call({ name: "test_simple_text", arguments: {} })).content[0].text,
  "structured output": async () => (await client.call({ name: "test_simple_text", arguments: {} })).structuredContent,
  error: async () => {
    const result = await client.call({ name: "test_error_handling", arguments: {} });
    return result.isError && result.content[0].text;
  },
  progress,
  log,
  cancel,
  question: async () =>
    (await client.call({ name: "test_input_required_result_multi_round", arguments: {} })).content[0].text,
  resource: async () => (await client.readResource({ uri: "test://static-text" })).contents[0].text,
  "resource template": async () => (await client.readResource({ uri: "test://template/7/data" })).contents[0].text,
  prompt: async () =>
    (await client.getPrompt({ name: "test_prompt_with_arguments", arguments: { arg1: "a", arg2: "b" } })).messages[0]
      .content.text,
  completion: async () =>
    (
      await client.complete({
        ref: { type: "ref/prompt", name: "test_prompt_with_arguments" },
        argument: { name: "arg1", value: "par" },
      })
    ).completion.values,
};

const found = {};
for (const [name, feature] of Object.entries(features)) {
  try {
    found[name] = await feature();
  } catch (error) {
    found[name] = `failed: ${error.message}`;
  }
}
console.log(JSON.stringify(found));
// Connected until told to leave, so that only the cancellation can have ended the call that was cancelled.
process.stdin.once("data", () => process.exit(0));
