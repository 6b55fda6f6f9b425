#!/usr/bin/perl

# Every unit test has the script through which prove runs it.

use strict;
use warnings;

use Test::More;

my $wanted = <<'END';
#!/usr/bin/perl
use lib 't/lib';
use Onair::Unit;
Onair::Unit::run($0);
END


sub slurp {
    my ($name) = @_;

    open my $file, '<', $name or return '';
    local $/;

    return scalar <$file>;
}


my @sources = glob 't/unit/*.c';

ok @sources > 10, 'there are unit tests';

for my $source (@sources) {
    (my $script = $source) =~ s/\.c$/.t/;
    (my $text = slurp($script)) =~ s/^\s*\n//mg;

    is $text, $wanted, $script;
}

done_testing;
