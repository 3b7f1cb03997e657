export { type AgentHook, agent } from './agent.ts'
