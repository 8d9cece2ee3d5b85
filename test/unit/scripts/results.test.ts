import { expect, test } from 'vitest'
import { countResults, type VitestReport } from '../../../scripts/results.ts'

const file = (status: string, ...tests: string[]) => ({ status, assertionResults: tests.map((t) => ({ status: t })) })
const report = (
  passed: number,
  failed: number,
  ...testResults: VitestReport['testResults'][number][]
): VitestReport => ({
  numPassedTests: passed,
  numFailedTests: failed,
  testResults,
})
const good = report(2, 0, file('passed', 'passed', 'passed'))

test.each<[string, Parameters<typeof countResults>, { passed: number; failed: number }]>([
  ['all is well', [good, 0, [true, true]], { passed: 2, failed: 0 }],
  ['a failed check counts', [good, 0, [true, false, false]], { passed: 2, failed: 2 }],
  ['a failed test counts', [report(1, 1, file('failed', 'passed', 'failed')), 1, []], { passed: 1, failed: 1 }],
  ['a file that could not be loaded counts', [report(2, 0, file('failed')), 1, []], { passed: 2, failed: 1 }],
  ['a hook that failed counts', [report(1, 0, file('failed', 'passed')), 1, []], { passed: 1, failed: 1 }],
  ['an error outside of any test counts', [good, 1, []], { passed: 2, failed: 1 }],
  ['no test at all is a failure', [report(0, 0), 0, []], { passed: 0, failed: 1 }],
  ['no report is a failure', [null, 0, [true]], { passed: 0, failed: 1 }],
])('%s', (_, args, expected) => {
  expect(countResults(...args)).toEqual(expected)
})
