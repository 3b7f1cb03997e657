export { floorRules as default } from './scripts/floor-rules.ts'
