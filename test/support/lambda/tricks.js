// A function for the tests of what runs functions.
let ticks = 0
setInterval(() => {
  ticks += 1
}, 1)

if (process.env.TRICK === 'does not start') throw new TypeError('There is no start')

export async function handler(event, context) {
  switch (event.trick) {
    case 'throw':
      throw new RangeError('Thrown by the function')
    case 'exit':
      process.exit(3)
      break
    case 'hang':
      return new Promise(() => {})
    case 'large':
      return 'x'.repeat(event.bytes)
    case 'together':
      await new Promise((resolve) => setTimeout(resolve, 200))
      return process.pid
    default: {
      const left = context.getRemainingTimeInMillis()
      return {
        event,
        ticks,
        pid: process.pid,
        left,
        now: Date.now(),
        date: new Date().toISOString(),
        idle: performance.now(),
      }
    }
  }
}
