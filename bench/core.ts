/**
 * `npm run bench -- core [--json]`: the run core. What a durable step costs, how many a second there are, and what a record costs to keep and to
 * read again; each beside what this machine allows without tutti. Under two minutes.
 */
import { burstFigures } from './core/bursts.ts'
import { comparisonFigures } from './core/comparisons.ts'
import { largeRunFigures } from './core/large-runs.ts'
import { recordFigures } from './core/records.ts'
import { standingFigures } from './core/standing-costs.ts'
import { stepFigures } from './core/steps.ts'
import { reporter } from './figure.ts'
import { inFolder } from './measure.ts'

await inFolder(async (folder) => {
  const report = reporter()
  await stepFigures(folder, report)
  await burstFigures(folder, report)
  await recordFigures(folder, report)
  await largeRunFigures(folder, report)
  comparisonFigures(report)
  await standingFigures(folder, report)
})
