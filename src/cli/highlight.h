/* Colours for SQL that is being typed: strings green, numbers yellow, words of the grammar bold blue, comments dim. */
#ifndef KMB_CLI_HIGHLIGHT_H
#define KMB_CLI_HIGHLIGHT_H

#include "base/buffer.h"

/* Appends the line with colours. before: the statement's earlier lines, which may have left a string open. A line that
 * is a command of the shell is left as it is, apart from its name. */
void highlight_line(struct slice before, struct slice line, struct buffer *out);

#endif
