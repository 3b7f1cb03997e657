export { docsServer } from './mcp/docs-server.ts'
export { McpEndpoint } from './mcp/endpoint.ts'
export { type McpServerOptions, mcpServer, type ServedMcp } from './mcp/mcp-server.ts'
