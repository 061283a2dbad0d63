# Part of ImageGateway. SPDX-License-Identifier: Apache-2.0
"""Plots of the results, by matplotlib; without it there are none."""

COLORS = {"gateway": "#1f6feb", "nginx": "#8c959f", "nginx_tuned": "#c9d1d9", "litellm": "#d1242f",
          "hummingbird": "#bf8700"}
NAMES = {"gateway": "gateway", "nginx": "nginx", "nginx_tuned": "nginx, large buffers", "litellm": "LiteLLM",
         "hummingbird": "Hummingbird"}


def draw(folder, cases):
    """Writes what can be drawn; gives the names of the files and their titles."""
    try:
        import matplotlib
    except ImportError:
        return []
    matplotlib.use("svg")
    # Text as text, and the same bytes for the same figures.
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "image-gateway", "font.size": 9,
                                "axes.spines.top": False, "axes.spines.right": False})
    drawn = []
    if "sync" in cases:
        cells = cases["sync"]["cells"]
        drawn.append(_bars(folder, "cpu.svg", "Processor time a picture, synchronous b64_json (ms)", cells, "cpu_ms"))
        drawn.append(_bars(folder, "rate.svg", "Pictures a second, synchronous b64_json", cells, "rate"))
        drawn.append(_bars(folder, "latency.svg", "Time to the whole picture, p99 (ms)", cells, "p99"))
        drawn.append(_bars(folder, "memory.svg", "Peak resident memory (MB)", cells, "peak_memory", 1e-6))
    small = {f"{title}/{clients}": cases[name][clients] for name, title in (("get", "look"), ("create", "create"))
             for clients in cases.get(name, {})}
    if small:
        drawn.append(_bars(folder, "small.svg", "Finished tasks looked at, new tasks taken, a second", small, "rate"))
    return drawn


def _bars(folder, name, title, cells, figure, scale=1):
    from matplotlib import pyplot
    contenders = [contender for contender in NAMES if any(contender in cell for cell in cells.values())]
    chart, axes = pyplot.subplots(figsize=(8, 3.2))
    width = 0.8 / len(contenders)
    for place, contender in enumerate(contenders):
        points = [(number + place * width, cell[contender][figure] * scale)
                  for number, cell in enumerate(cells.values()) if contender in cell]
        axes.bar([x for x, _ in points], [y for _, y in points], width, color=COLORS[contender], label=NAMES[contender])
    axes.set_yscale("log")
    axes.set_title(title, loc="left", fontsize=10)
    axes.set_xticks([number + width * (len(contenders) - 1) / 2 for number in range(len(cells))],
                    [cell.replace("/", "\n") for cell in cells])
    axes.set_xlabel("work / clients")
    axes.legend(frameon=False, ncols=len(contenders), fontsize=8)
    chart.tight_layout()
    chart.savefig(folder / name, metadata={"Date": None})
    pyplot.close(chart)
    return name, title
