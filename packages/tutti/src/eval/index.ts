export { type RegressOptions, type RegressProgress, regress } from './regress.ts'
export type { RegressedRun, RegressGate, RegressReport, RegressVerdict } from './regress-report.port.ts'
