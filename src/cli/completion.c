/*
 * kimberlite completion SHELL: a script that completes verbs, options, their values and files, made from the table. The
 * scripts ask the program nothing, so that a Tab costs nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/table.h"
#include "server/settings.h"

/* Calls `each` with every option of a verb: its row, or a setting's name and meaning. */
struct word {
    const char *name;
    char letter;
    bool takes_value;
    enum value_kind kind;
    const char *words;
    const char *help;
};
typedef void each_word(void *context, const struct word *word);

static void each_option(const struct verb_row *verb, each_word *each, void *context) {
    for (size_t i = 0; i < option_count(); i++) {
        const struct option_row *row = option_at(i);
        if (verb_takes(verb, row)) {
            each(context, &(struct word){.name = row->name,
                                         .letter = row->letter,
                                         .takes_value = row->value != NULL,
                                         .kind = row->kind,
                                         .words = row->words,
                                         .help = row->help});
        }
    }
    for (size_t i = 0; verb->settings && i < settings_rows(); i++) {
        const struct settings_row *setting = settings_row_at(i);
        if (setting->option != NULL && !verb_has_option(verb, setting->option)) {
            each(context, &(struct word){.name = setting->option,
                                         .takes_value = setting->type != SETTING_BOOLEAN,
                                         .kind = setting->type == SETTING_PATH ? VALUE_FILE : VALUE_TEXT,
                                         .help = setting->meaning});
        }
    }
}

/* The words that a verb's arguments can be: its actions, its own words, keys of settings. */
static void print_arguments(const struct verb_row *verb) {
    const char *before = "";
    if (verb->actions != NULL) {
        printf("%s", verb->actions);
        before = " ";
    }
    if (verb->kind == VALUE_WORDS) {
        printf("%s%s", before, verb->words);
    }
    for (size_t i = 0; verb->kind == VALUE_KEYS && i < settings_rows(); i++) {
        printf("%s%s", before, settings_row_at(i)->key);
        before = " ";
    }
}

static bool takes_files(const struct verb_row *verb) {
    return verb->kind == VALUE_FILE || verb->kind == VALUE_DIRECTORY;
}

static void print_keys(void) {
    for (size_t i = 0; i < settings_rows(); i++) {
        printf("%s%s=", i == 0 ? "" : " ", settings_row_at(i)->key);
    }
}

/* --- bash --------------------------------------------------------------------------------------------------------- */

static void bash_name(void *context, const struct word *word) {
    (void)context;
    printf("%s ", word->name);
}

static void bash_value(void *context, const struct word *word) {
    const struct verb_row *verb = context;
    char letter[16] = "";
    if (!word->takes_value) {
        return;
    }
    if (word->letter != 0) {
        snprintf(letter, sizeof(letter), "|%s:-%c", verb->name, word->letter);
    }
    printf("        %s:%s%s) ", verb->name, word->name, letter);
    if (word->kind == VALUE_WORDS) {
        printf("COMPREPLY=($(compgen -W '%s' -- \"$word\"))", word->words);
    } else if (word->kind == VALUE_KEYS) {
        printf("compopt -o nospace; COMPREPLY=($(compgen -W '");
        print_keys();
        printf("' -- \"$word\"))");
    } else if (word->kind == VALUE_TEXT) {
        printf("COMPREPLY=()");
    } else {
        printf("compopt -o filenames; COMPREPLY=($(compgen %s -- \"$word\"))", word->kind == VALUE_FILE ? "-f" : "-d");
    }
    puts("; return ;;");
}

static void print_bash(void) {
    puts("# bash completion for kimberlite, made by \"kimberlite completion bash\"\n_kimberlite() {\n"
         "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} verb=${COMP_WORDS[1]}\n"
         "    COMPREPLY=()");
    printf("    if [ \"$COMP_CWORD\" -eq 1 ]; then\n        COMPREPLY=($(compgen -W '");
    for (size_t i = 0; i < verb_count(); i++) {
        printf("%s ", verb_at(i)->name);
    }
    puts("help --help --version' -- \"$word\"))\n        return\n    fi\n    case $verb:$before in");
    for (size_t i = 0; i < verb_count(); i++) {
        each_option(verb_at(i), bash_value, (void *)(uintptr_t)verb_at(i));
    }
    puts("    esac\n    case $verb in");
    for (size_t i = 0; i < verb_count(); i++) {
        const struct verb_row *verb = verb_at(i);
        printf("        %s%s%s)\n            if [[ $word == -* ]]; then COMPREPLY=($(compgen -W '", verb->name,
               verb->alias == NULL ? "" : "|", verb->alias == NULL ? "" : verb->alias);
        each_option(verb, bash_name, NULL);
        printf("--help' -- \"$word\")); return; fi\n            COMPREPLY=($(compgen -W '");
        print_arguments(verb);
        printf("' -- \"$word\"))\n");
        if (takes_files(verb)) {
            printf("            compopt -o filenames; COMPREPLY+=($(compgen %s -- \"$word\"))\n",
                   verb->kind == VALUE_FILE ? "-f" : "-d");
        }
        puts("            ;;");
    }
    printf("        help|manual) COMPREPLY=($(compgen -W '");
    for (size_t i = 0; i < verb_count(); i++) {
        printf("%s%s", i == 0 ? "" : " ", verb_at(i)->name);
    }
    puts("' -- \"$word\")) ;;\n    esac\n}\ncomplete -F _kimberlite kimberlite kmb");
}

/* --- zsh ---------------------------------------------------------------------------------------------------------- */

/* Text within single quotes of a zsh specification: brackets and colons mean something there. */
static void zsh_text(const char *text) {
    for (; *text != 0; text++) {
        if (*text == '\'') {
            fputs("'\\''", stdout);
        } else if (strchr("[]:", *text) != NULL) {
            printf("\\%c", *text);
        } else {
            putchar(*text);
        }
    }
}

static void zsh_option(void *context, const struct word *word) {
    bool letter = word->letter != 0;
    (void)context;
    for (int i = letter ? 0 : 1; i < 2; i++) {
        printf("            '");
        if (letter) {
            printf("(-%c %s)", word->letter, word->name);
        }
        if (i == 0) {
            printf("-%c", word->letter);
        } else {
            printf("%s%s", word->name, word->takes_value ? "=" : "");
        }
        putchar('[');
        zsh_text(word->help);
        putchar(']');
        if (word->takes_value) {
            printf(":%s:", word->name + 2);
            if (word->kind == VALUE_WORDS) {
                printf("(%s)", word->words);
            } else if (word->kind == VALUE_FILE) {
                printf("_files");
            } else if (word->kind == VALUE_DIRECTORY) {
                printf("_files -/");
            } else if (word->kind == VALUE_KEYS) {
                putchar('(');
                print_keys();
                putchar(')');
            }
        }
        puts("' \\");
    }
}

static void print_zsh(void) {
    puts("#compdef kimberlite kmb\n# zsh completion, made by \"kimberlite completion zsh\"\n_kimberlite() {\n    local "
         "-a verbs\n"
         "    verbs=(");
    for (size_t i = 0; i < verb_count(); i++) {
        printf("        '%s:", verb_at(i)->name);
        zsh_text(verb_at(i)->help);
        puts("'");
    }
    puts("        'help:tell more of a verb'\n    )\n    if (( CURRENT == 2 )); then\n        _describe verb verbs\n   "
         "     return\n"
         "    fi\n    local verb=${words[2]}\n    shift words\n    (( CURRENT-- ))\n    case $verb in");
    for (size_t i = 0; i < verb_count(); i++) {
        const struct verb_row *verb = verb_at(i);
        printf("        %s%s%s)\n            _arguments \\\n", verb->name, verb->alias == NULL ? "" : "|",
               verb->alias == NULL ? "" : verb->alias);
        each_option(verb, zsh_option, NULL);
        if (takes_files(verb) && verb->actions == NULL) {
            printf("            '*:file:_files%s'\n", verb->kind == VALUE_DIRECTORY ? " -/" : "");
        } else if (takes_files(verb)) {
            printf("            '1:action:(%s)' '*:file:_files'\n", verb->actions);
        } else {
            printf("            '*:argument:(");
            print_arguments(verb);
            puts(")'");
        }
        puts("            ;;");
    }
    puts("        help|manual) _describe verb verbs ;;\n    esac\n}\nif [ \"$funcstack[1]\" = _kimberlite ]; then "
         "_kimberlite \"$@\"; "
         "else compdef _kimberlite kimberlite kmb; fi");
}

/* --- fish --------------------------------------------------------------------------------------------------------- */

static void fish_text(const char *text) {
    putchar('\'');
    for (; *text != 0; text++) {
        if (*text == '\'' || *text == '\\') {
            putchar('\\');
        }
        putchar(*text);
    }
    putchar('\'');
}

static void fish_option(void *context, const struct word *word) {
    const struct verb_row *verb = context;
    printf("complete -c kimberlite -n '__fish_seen_subcommand_from %s%s%s' -l %s", verb->name,
           verb->alias == NULL ? "" : " ", verb->alias == NULL ? "" : verb->alias, word->name + 2);
    if (word->letter != 0) {
        printf(" -s %c", word->letter);
    }
    if (word->takes_value) {
        printf(word->kind == VALUE_FILE || word->kind == VALUE_DIRECTORY ? " -rF" : " -x");
        if (word->kind == VALUE_WORDS) {
            printf(" -a '%s'", word->words);
        } else if (word->kind == VALUE_DIRECTORY) {
            printf(" -a '(__fish_complete_directories)'");
        } else if (word->kind == VALUE_KEYS) {
            printf(" -a '");
            print_keys();
            putchar('\'');
        }
    }
    printf(" -d ");
    fish_text(word->help);
    putchar('\n');
}

static void print_fish(void) {
    puts("# fish completion, made by \"kimberlite completion fish\"\ncomplete -c kimberlite -f\ncomplete -c kmb -w "
         "kimberlite");
    for (size_t i = 0; i < verb_count(); i++) {
        const struct verb_row *verb = verb_at(i);
        printf("complete -c kimberlite -n __fish_use_subcommand -a %s -d ", verb->name);
        fish_text(verb->help);
        putchar('\n');
        each_option(verb, fish_option, (void *)(uintptr_t)verb);
        printf("complete -c kimberlite -n '__fish_seen_subcommand_from %s'%s -a '", verb->name,
               takes_files(verb) ? " -F" : "");
        print_arguments(verb);
        puts("'");
    }
}

/* --- elvish and PowerShell ---------------------------------------------------------------------------------------- */

static void quoted_name(void *context, const struct word *word) {
    (void)context;
    printf(" '%s'", word->name);
}

static void print_quoted_words(const char *words, const char *before) {
    for (const char *end; words != NULL && *words != 0; words = *end == 0 ? end : end + 1) {
        end = words + strcspn(words, " ");
        printf("%s'%.*s'", before, (int)(end - words), words);
    }
}

static void elvish_value(void *context, const struct word *word) {
    if (word->takes_value && word->kind == VALUE_WORDS) {
        printf("    &'%s:%s'=[", ((const struct verb_row *)context)->name, word->name);
        print_quoted_words(word->words, " ");
        puts(" ]");
    }
}

static void print_elvish(void) {
    puts("# elvish completion, made by \"kimberlite completion elvish\"\nuse str\nvar kimberlite-options = [");
    for (size_t i = 0; i < verb_count(); i++) {
        printf("    &%s=[", verb_at(i)->name);
        each_option(verb_at(i), quoted_name, NULL);
        puts(" ]");
    }
    puts("]\nvar kimberlite-arguments = [");
    for (size_t i = 0; i < verb_count(); i++) {
        printf("    &%s=[", verb_at(i)->name);
        print_quoted_words(verb_at(i)->actions, " ");
        puts(" ]");
    }
    puts("]\nvar kimberlite-values = [");
    for (size_t i = 0; i < verb_count(); i++) {
        each_option(verb_at(i), elvish_value, (void *)(uintptr_t)verb_at(i));
    }
    puts("]\nset edit:completion:arg-completer[kimberlite] = {|@words|\n    var count = (count $words)\n"
         "    if (<= $count 2) {\n        keys $kimberlite-options\n        put help\n        return\n    }\n"
         "    var verb = $words[1]\n    var before = $verb':'$words[-2]\n"
         "    if (has-key $kimberlite-values $before) {\n        all $kimberlite-values[$before]\n"
         "    } elif (str:has-prefix $words[-1] -) {\n"
         "        if (has-key $kimberlite-options $verb) { all $kimberlite-options[$verb] }\n    } else {\n"
         "        if (has-key $kimberlite-arguments $verb) { all $kimberlite-arguments[$verb] }\n"
         "        edit:complete-filename $words[-1]\n    }\n}");
}

static void powershell_name(void *context, const struct word *word) {
    (void)context;
    printf("'%s', ", word->name);
}

static void powershell_value(void *context, const struct word *word) {
    if (word->takes_value && word->kind == VALUE_WORDS) {
        printf("        '%s:%s' = @(''", ((const struct verb_row *)context)->name, word->name);
        print_quoted_words(word->words, ", ");
        puts(")");
    }
}

/* Lists begin with an empty word, so that every other one has a comma before it. */
static void print_powershell(void) {
    puts("# PowerShell completion, made by \"kimberlite completion powershell\"\n"
         "Register-ArgumentCompleter -Native -CommandName 'kimberlite', 'kmb' -ScriptBlock {\n"
         "    param($word, $tree, $position)\n    $options = @{");
    for (size_t i = 0; i < verb_count(); i++) {
        printf("        '%s' = @(", verb_at(i)->name);
        each_option(verb_at(i), powershell_name, NULL);
        puts("'--help')");
    }
    puts("    }\n    $arguments = @{");
    for (size_t i = 0; i < verb_count(); i++) {
        printf("        '%s' = @(''", verb_at(i)->name);
        print_quoted_words(verb_at(i)->actions, ", ");
        puts(")");
    }
    puts("    }\n    $values = @{");
    for (size_t i = 0; i < verb_count(); i++) {
        each_option(verb_at(i), powershell_value, (void *)(uintptr_t)verb_at(i));
    }
    puts("    }\n    $typed = @($tree.CommandElements | ForEach-Object { $_.ToString() })\n"
         "    if ($word -ne '' -and $typed.Count -gt 1) { $typed = @($typed[0..($typed.Count - 2)]) }\n"
         "    if ($typed.Count -le 1) { $found = @($options.Keys) + 'help' }\n"
         "    else {\n        $verb = $typed[1]\n        $before = \"${verb}:$($typed[-1])\"\n"
         "        if ($values.ContainsKey($before)) { $found = $values[$before] }\n"
         "        elseif ($word -like '-*') { $found = $options[$verb] }\n        else { $found = $arguments[$verb] "
         "}\n    }\n"
         "    $found | Where-Object { $_ -ne '' -and $_ -like \"$word*\" } | Sort-Object |\n"
         "        ForEach-Object { [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_) "
         "}\n}");
}

int cli_completion(const struct cli_options *options) {
    static const struct {
        const char *name;
        void (*print)(void);
    } shells[] = {{"bash", print_bash},
                  {"zsh", print_zsh},
                  {"fish", print_fish},
                  {"elvish", print_elvish},
                  {"powershell", print_powershell}};
    for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
        if (strcmp(options->arguments[0], shells[i].name) == 0) {
            shells[i].print();
            return 0;
        }
    }
    return cli_error(2, "invalid shell \"%s\": bash, zsh, fish, elvish or powershell", options->arguments[0]);
}
