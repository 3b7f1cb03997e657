import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { RunId } from '../primitives/index.ts'
import type { AppendJob, Job } from './job.ts'
import { packed, unpacked } from './job-message.ts'

const append: fc.Arbitrary<AppendJob> = fc.record({
  op: fc.constant('append' as const),
  run: fc.string() as unknown as fc.Arbitrary<RunId>,
  epoch: fc.nat(),
  first: fc.nat(),
  bodies: fc.array(fc.string(), { maxLength: 3 }),
  blobs: fc.array(fc.tuple(fc.string(), fc.string()), { maxLength: 2 }),
  uses: fc.array(fc.string(), { maxLength: 2 }),
  head: fc.option(fc.constant({ status: 'waiting' as const, wakeAt: undefined }), { nil: undefined }),
  taken: fc.array(fc.string(), { maxLength: 1 }),
  release: fc.boolean(),
  time: fc.nat(),
  standing: fc.constant(undefined),
})
const other: Job = { op: 'acquire', run: 'a' as RunId, owner: 'o', now: 1, until: 2 }

it('[R1] every job reaches the thread that commits as it was asked for', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(append, fc.constant(other))), (jobs) => {
      expect(unpacked(structuredClone(packed(jobs)))).toEqual(jobs)
    }),
  )
})
