# Part of ImageGateway. SPDX-License-Identifier: Apache-2.0
import json
def bars(c): return []
def write(p, r): (p.work/"results.json").write_text(json.dumps(r, indent=1))
def publish(p, r): pass
def table(r): return json.dumps(r["cases"], indent=1)
