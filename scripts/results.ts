/** What is used of the report that vitest's JSON reporter writes. */
export interface VitestReport {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly testResults: readonly {
    readonly status: string
    readonly assertionResults: readonly { readonly status: string }[]
  }[]
}

/**
 * Tests that passed; and tests, test files and checks that failed. Never 0 failed when something went wrong: no report,
 * an error outside of any test, or no test at all count as a failure too.
 */
export function countResults(
  report: VitestReport | null,
  exitCode: number,
  checks: readonly boolean[],
): { readonly passed: number; readonly failed: number } {
  const failedChecks = checks.filter((ok) => !ok).length
  if (report === null) return { passed: 0, failed: failedChecks + 1 }
  // A file that fails without a failed test of its own could not be loaded, or a hook of it threw.
  const failedFiles = report.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  ).length
  const failedTests = report.numFailedTests + failedFiles
  const unexplained = failedTests === 0 && (exitCode !== 0 || report.numPassedTests === 0) ? 1 : 0
  return { passed: report.numPassedTests, failed: failedChecks + failedTests + unexplained }
}
