/** `tutti/conformance`: what every implementation of a port must do, as suites for vitest, for those who write one. Needs `vitest` and `fast-check`. */
export { type StoreUnderTest, storeConformance } from './store-conformance.ts'
