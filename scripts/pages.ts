/** `npm run pages`: writes every page that is made from the code. With `--check` it fails when one is out of date. */
import { writeArchitecture } from './architecture.ts'
import { writeErrors } from './errors.ts'
import { writeFromAiSdk } from './from-ai-sdk.ts'
import { writePrograms } from './programs.ts'

writeErrors()
writeFromAiSdk()
writePrograms()
await writeArchitecture()
