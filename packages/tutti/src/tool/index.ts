export { adopt, type ForeignTool } from './adopt.ts'
export type { ApprovalAnswer } from './approval.ts'
export { callTool, toolApproval } from './call.ts'
export { isTool, isToolSource, tool } from './tool.ts'
