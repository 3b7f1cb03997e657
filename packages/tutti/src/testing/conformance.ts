/** `tutti/conformance`: what every implementation of a port must do, as suites for vitest, for those who write one. Needs `vitest` and `fast-check`. */

export { engineConformance } from './engine-conformance.ts'
export type { EnginePlace, EngineSetup } from './engine-place.ts'
export { engineWorker, type WorkerGround } from './engine-worker.ts'
export { type StoreUnderTest, storeConformance } from './store-conformance.ts'
