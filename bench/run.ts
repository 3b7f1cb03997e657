/**
 * `npm run bench -- core [--json]`: the run core. What a durable step costs, how many a second there are, and what a record costs to keep and to
 * read again; each beside what this machine allows without tutti. Under two minutes.
 */

import { reporter } from './figure.ts'
import { inFolder } from './measure.ts'
import { burstFigures } from './run/bursts.ts'
import { comparisonFigures } from './run/comparisons.ts'
import { largeRunFigures } from './run/large-runs.ts'
import { recordFigures } from './run/records.ts'
import { standingFigures } from './run/standing-costs.ts'
import { stepFigures } from './run/steps.ts'

await inFolder(async (folder) => {
  const report = reporter()
  await stepFigures(folder, report)
  await burstFigures(folder, report)
  await recordFigures(folder, report)
  await largeRunFigures(folder, report)
  comparisonFigures(report)
  await standingFigures(folder, report)
})
