export { agent } from './agent.ts'
export type { AgentHook, AgentHooks, HookEvent, HookVerdict } from './hooks.ts'
