/** What was started and must be ended, last first, also after an error or Ctrl-C. */
export class Cleanup {
  readonly #steps: (() => unknown)[] = []
  #done: Promise<void> | null = null

  add(step: () => unknown): void {
    this.#steps.push(step)
  }

  run(): Promise<void> {
    this.#done ??= this.#runAll()
    return this.#done
  }

  async #runAll(): Promise<void> {
    for (const step of this.#steps.reverse()) {
      try {
        await step()
      } catch (error) {
        process.stderr.write(`Could not clean up: ${error instanceof Error ? error.message : String(error)}\n`)
      }
    }
  }
}
