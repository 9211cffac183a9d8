// The tools of server/tools and of benchmarks/tools on the MCP SDK for Node and Express, stateless and with JSON answers.
// Listens on 127.0.0.1 and the port that PORT names.

import os from "node:os";
import process from "node:process";

import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { CallToolRequestSchema, ListToolsRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import express from "express";

const tools = {
  echo: {
    description: "Echo back the input message.",
    inputSchema: {
      type: "object",
      properties: { message: { type: "string", description: "Message to echo" } },
      required: ["message"],
    },
    call: ({ message }) => message,
  },
  get_system_info: {
    description: "Get system information from the container.",
    inputSchema: { type: "object", properties: {} },
    call: () =>
      JSON.stringify({ platform: process.platform, architecture: process.arch, uptime_seconds: process.uptime(), hostname: os.hostname() }),
  },
};

Object.assign(tools, {
  price_order: {
    description: "Price an order.",
    inputSchema: {
      type: "object",
      properties: {
        items: {
          type: "array",
          items: {
            type: "object",
            properties: { sku: { type: "string" }, quantity: { type: "integer" }, cents: { type: "integer" } },
            required: ["sku", "quantity", "cents"],
          },
        },
        currency: { type: "string", default: "USD" },
      },
      required: ["items"],
    },
    call: ({ items, currency = "USD" }) => {
      for (const { sku, quantity, cents } of items) {
        if (!/^[A-Z]{3}-[0-9]{4}$/.test(sku) || !(quantity >= 1 && quantity <= 100) || !(cents >= 0)) throw new Error("not an item");
      }
      const lines = items.map(({ quantity, cents }) => quantity * cents);
      return { currency, total_cents: lines.reduce((sum, line) => sum + line, 0), lines };
    },
  },
  report: {
    description: "Write a report.",
    inputSchema: { type: "object", properties: { subject: { type: "string", maxLength: 100 } }, required: ["subject"] },
    call: ({ subject }) => `${subject}: ` + "The quick brown fox jumps over the lazy dog and thinks nothing of it. ".repeat(145),
  },
});

function makeServer() {
  const server = new Server({ name: "node-peer", version: "1.0.0" }, { capabilities: { tools: {} } });
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: Object.entries(tools).map(([name, { description, inputSchema }]) => ({ name, description, inputSchema })),
  }));
  server.setRequestHandler(CallToolRequestSchema, ({ params }) => {
    const tool = tools[params.name];
    if (!tool) throw new Error(`no tool is named ${params.name}`);
    const result = tool.call(params.arguments ?? {});
    if (typeof result === "string") return { content: [{ type: "text", text: result }] };
    return { content: [{ type: "text", text: JSON.stringify(result) }], structuredContent: result };
  });
  return server;
}

const app = express();
app.use(express.json());
app.get("/health", (_, response) => response.json({ status: "healthy" }));
app.post("/mcp", async (request, response) => {
  // Without sessions each request has a server and a transport of its own, as the SDK asks.
  const server = makeServer();
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined, enableJsonResponse: true });
  response.on("close", () => server.close());
  await server.connect(transport);
  await transport.handleRequest(request, response, request.body);
});
const listener = app.listen(Number(process.env.PORT), "127.0.0.1");
process.on("SIGTERM", () => listener.close(() => process.exit(0)));
