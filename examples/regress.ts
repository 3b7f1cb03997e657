// Before a change goes live: the last runs of a flow again, against the new code. What is asked the same costs nothing, and nobody is paid twice.
import { flow, inMemory, tutti } from 'tutti'

interface Claim {
  readonly item: string
  readonly euros: number
}
interface Rules {
  /** How much of the price is paid. */
  readonly share: number
  /** From so many euros on, the letter names the rule. */
  readonly explainFrom: number
}

const claims = ({ share, explainFrom }: Rules) =>
  flow('claims', async ({ item, euros }: Claim, run) => {
    const price = await run.step('price', item, (name) => {
      console.log(`  looks up the price of a ${name}`)
      return name.length * 10
    })
    const granted = Math.min(euros, price * share)
    await run.step('pay', granted, (amount) => console.log(`  pays ${amount}`), { effect: 'once' })
    const letter = { item, granted, why: granted >= explainFrom ? `We pay ${share * 100} % of the price.` : '' }
    return run.step('write', letter, (of) => `${of.granted} euros for a ${of.item}. ${of.why}`.trim())
  })

const before = claims({ share: 0.5, explainFrom: 1_000 })
await using app = tutti({ flows: [before], store: inMemory() })
for (const claim of [
  { item: 'lamp', euros: 10 },
  { item: 'violin', euros: 90 },
])
  console.log((await app.run(before, claim, { id: claim.item })).output)

for (const [what, rules] of [
  ['the same rules', { share: 0.5, explainFrom: 1_000 }],
  ['longer letters', { share: 0.5, explainFrom: 20 }],
  ['smaller shares', { share: 0.4, explainFrom: 1_000 }],
] as const) {
  const report = await app.regress(claims(rules), { last: 20 })
  const done = report.runs.reduce((sum, { executed }) => sum + executed, 0)
  console.log(`${what}: ${done} steps done, ${report.passed(['changed']) ? 'passed' : 'not passed'}`)
  for (const { run, verdict, why, output } of report.runs) console.log(`  ${run}: ${[verdict, why ?? output[0]?.after].filter(Boolean).join(': ')}`)
}
