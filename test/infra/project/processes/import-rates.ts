import { defineProcess } from '../../../../src/process/define-process.ts'

export const importRates = defineProcess({
  name: 'import_rates',
  every: '7m',
  run: () => undefined,
})
