export type { ChatTurn } from './chat.ts'
export type { Member, TeamStyle } from './style.ts'
export { team } from './team.ts'
