export type { RestateOptions, ServeOptions } from './host.ts'
export { restate } from './restate.ts'
