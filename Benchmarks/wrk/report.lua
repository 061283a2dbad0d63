-- Part of ImageGateway. SPDX-License-Identifier: Apache-2.0
function done(summary, latency, requests)
    local errors = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status
    io.write(string.format(
        '\n{"requests":%d,"errors":%d,"seconds":%f,"p50":%f,"p90":%f,"p99":%f,"max":%f}\n',
        summary.requests, errors + summary.errors.timeout, summary.duration / 1e6, latency:percentile(50) / 1e3,
        latency:percentile(90) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3))
end
