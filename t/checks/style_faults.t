#!/usr/bin/perl

# The check of style finds what it is there for.

use strict;
use warnings;

use File::Temp ();
use Test::More;

my $good = <<'END';

/* A sample. */


#include "base/oa_base.h"


static int
oa_sample_first(int a, const char *b)
{
    int          x;
    const char  *text;

    text = b;

    for (x = 0; x < a; x++) {
        if (text[x] == '\0'
            || text[x] == ' ')
        {
            return x;
        }
    }

    return -1;
}


int
oa_sample_second(void)
{
    return oa_sample_first(1, "a");
}
END

my $dir = File::Temp->newdir;


sub check {
    my ($text) = @_;

    open my $out, '>', "$dir/sample.c" or die "$dir/sample.c: $!";
    print $out $text;
    close $out;

    my $output = `tools/check-style $dir/sample.c 2>&1`;

    return ($? >> 8, $output);
}


sub is_fault {
    my ($name, $from, $to, $message) = @_;

    (my $text = $good) =~ s/\Q$from\E/$to/ or die "nothing to replace: $from";

    my ($status, $output) = check($text);

    is $status, 1, $name;
    like $output, $message, "$name: said so";
}


is_deeply [check($good)], [0, ''], 'good style passes';

is_fault 'a tab', '    int   ', "\tint   ", qr/a tab/;
is_fault 'blanks at the end', 'text = b;', 'text = b; ', qr/blanks at the end/;
is_fault 'a long line', 'text = b;', 'text = b;' . ' /* ' . 'x' x 70 . ' */',
         qr/longer than 80/;
is_fault 'a // comment', 'text = b;', 'text = b;  // why', qr{a // comment};
is_fault 'one blank line', "}\n\n\nint", "}\n\nint", qr/two blank lines/;
is_fault 'a brace of a function', "(void)\n{", '(void) {', qr/form/;
is_fault 'a brace on its own line', "x++) {", "x++)\n    {", qr/form/;
is_fault 'a return type beside the name', "int\noa_sample_second",
         'int oa_sample_second', qr/form/;
is_fault 'a wrong indentation', "    return -1;", "  return -1;", qr/form/;
is_fault 'no blank after a keyword', 'for (', 'for(', qr/form/;
is_fault 'a blank before a bracket', 'first(1', 'first (1', qr/form/;
is_fault 'two statements in a line', 'text = b;', 'text = b; x = 0;',
         qr/form/;
is_fault 'a function without end', 'text = b;', "text = b;\n" x 101,
         qr/a function of 1\d\d lines/;

done_testing;
