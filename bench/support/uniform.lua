-- wrk -s uniform.lua URL -- PATH KEYS: GET PATH<n> with n drawn uniformly from 1 to KEYS.
local requests = {}

function init(args)
  for n = 1, tonumber(args[2]) do
    requests[n] = wrk.format("GET", args[1] .. n)
  end
  math.randomseed(os.time())
end

function request()
  return requests[math.random(#requests)]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requestsPerSecond":%.2f,"requests":%d,"p50":%.3f,"p99":%.3f,"failed":%d}\n',
    summary.requests / summary.duration * 1e6,
    summary.requests,
    latency:percentile(50) / 1000,
    latency:percentile(99) / 1000,
    errors.connect + errors.read + errors.write + errors.timeout + errors.status
  ))
end
