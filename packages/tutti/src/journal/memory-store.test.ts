import { storeConformance } from '../testing/store-conformance.ts'
import { memoryStore } from './index.ts'

storeConformance('memory', async () => {
  const store = memoryStore()
  return { store, reopen: async () => store, cleanup: async () => {} }
})
