# plot.py - draws curves: a table of numbers becomes a PNG.
#
#     plot.py TABLE... OUT.png      (apt install python3-matplotlib)
#
# In: text whose lines are
#
#     figure TITLE            above everything
#     panel TITLE             begins a panel; panels stand below each other
#     x LABEL                 of the panel's axes
#     y LABEL
#     log x | log y           that axis is logarithmic
#     columns NAME...         names of the numbers below but the first, x, in
#                             quotes where they have spaces
#     1 0.5 - 0.4:0.3:0.6     one point of each curve: x, then a number, `-` for
#                             none, or MIDDLE:LOW:HIGH, which draws a band
#
# Empty lines and what follows a # are skipped; a panel may have several blocks of
# `columns`, and a name that comes again goes on with its curve.  A curve runs
# from one of its points to the next, also across `-`; a single point is a dot.
# The same name has the same colour in every panel.
import io
import shlex
import sys

WORDS = ('x', 'y')
WIDTH, HEIGHT, DPI = 7.5, 3.2, 100      # inches; a panel's height
COLOURS = 255                           # of the PNG: half the bytes


def number(cell):
    """(middle, low, high), or None for `-`."""
    if cell == '-':
        return None
    parts = [float(p) for p in cell.split(':')]
    if len(parts) not in (1, 3):
        raise ValueError(cell)
    return tuple(parts * 3 if len(parts) == 1 else parts)


class Panel:
    def __init__(self, title):
        self.title, self.label, self.log = title, {}, set()
        self.curves = {}                 # name: [(x, (middle, low, high))]
        self.block = []                  # the points of the last `columns`

    def columns(self, names):
        self.block = [self.curves.setdefault(name, []) for name in names]

    def row(self, cells):
        if not self.block or len(cells) != len(self.block) + 1:
            raise ValueError('%d numbers, %d columns'
                             % (len(cells) - 1, len(self.block)))
        for points, cell in zip(self.block, cells[1:]):
            value = number(cell)
            if value:
                points.append((float(cells[0]), value))


def read_line(line, panels):
    """Adds to the panels; returns the figure's title if the line has it."""
    word, _, rest = line.partition(' ')
    rest = rest.strip()
    if word == 'figure':
        return rest
    if word == 'panel' or not panels:
        panels.append(Panel(rest if word == 'panel' else ''))
    panel = panels[-1]
    if word in WORDS:
        panel.label[word] = rest
    elif word == 'log':
        panel.log.add(rest)
    elif word == 'columns':
        panel.columns(shlex.split(rest))
    elif word != 'panel':
        panel.row(line.split())
    return ''


def read(paths):
    title, panels = '', []
    for path in paths:
        for n, line in enumerate(open(path, encoding='utf-8'), 1):
            line = line.partition('#')[0].strip()
            try:
                title = (read_line(line, panels) if line else '') or title
            except ValueError as e:
                sys.exit('plot.py: %s:%d: not a line of a table: %s\n'
                         'see the head of tests/plot.py' % (path, n, e))
    return title, panels


def draw_panel(axes, panel, colours):
    for name, points in panel.curves.items():
        if not points:
            continue
        x = [p[0] for p in points]
        middle, low, high = zip(*[p[1] for p in points])
        colour = colours.setdefault(name, 'C%d' % (len(colours) % 10))
        axes.plot(x, middle, '-' if len(x) > 1 else 'o', color=colour,
                  label=name, linewidth=1.3, markersize=4)
        if low != high:
            axes.fill_between(x, low, high, color=colour, alpha=0.2,
                              linewidth=0)
    axes.set_title(panel.title, fontsize=10, loc='left')
    axes.set_xlabel(panel.label.get('x', ''))
    axes.set_ylabel(panel.label.get('y', ''))
    if 'x' in panel.log:
        axes.set_xscale('log')
    if 'y' in panel.log:
        axes.set_yscale('log')
    axes.grid(True, alpha=0.3)
    if axes.get_legend_handles_labels()[1]:
        axes.legend(fontsize=8)


def main():
    if len(sys.argv) < 3 or not sys.argv[-1].endswith('.png'):
        sys.exit('usage: plot.py TABLE... OUT.png')
    try:
        import matplotlib
        matplotlib.use('Agg')
        from matplotlib import pyplot
        from PIL import Image
    except ImportError:
        sys.exit('plot.py: needs matplotlib: apt install python3-matplotlib')
    title, panels = read(sys.argv[1:-1])
    if not panels:
        sys.exit('plot.py: %s: no panel' % sys.argv[1])
    figure, axes = pyplot.subplots(
        len(panels), 1, squeeze=False,
        figsize=(WIDTH, HEIGHT * len(panels) + 0.4), constrained_layout=True)
    colours = {}
    for panel, place in zip(panels, axes[:, 0]):
        draw_panel(place, panel, colours)
    if title:
        figure.suptitle(title, fontsize=11)
    picture = io.BytesIO()
    figure.savefig(picture, dpi=DPI)
    Image.open(picture).convert('RGB').quantize(COLOURS).save(
        sys.argv[-1], optimize=True)


if __name__ == '__main__':
    main()
