package Onair::SQL;

# A worker's database, as t/lib/modules/ngx_http_test_sql_module.c shows it.
#
#   my $server = Onair::SQL->server($db, %option);
#       an Onair::Server of one worker whose onair_database is $db (an
#       Onair::SQLite, an Onair::PostgreSQL or a URL);
#       arguments => 'timeout=1s', and what else Onair::Server takes
#
#   my $answer = sql($server, 'user', 't:anna');
#       { status => 'ok', rows => [['7', 'anna', undef]], changed => 0,
#         integer => 7 }
#   my $tally = sql($server, 'one', 'times=10', 'at_once=2');
#       { ok => 10, unavailable => 0, … }
#   my $asked = sql_start($server, …);  sql_finish($asked)   the same in two
#   available($server)

use strict;
use warnings;

use Exporter qw(import);

use Onair::Server;

our @EXPORT = qw(sql sql_start sql_finish available);


sub server
{
    my ($class, $db, %option) = @_;

    my $url = ref $db ? $db->url : $db;
    my $arguments = delete $option{arguments} // '';
    my $main = delete $option{main} // '';

    return Onair::Server->start(
        workers => 1,
        load => ['ngx_http_test_sql_module'],
        main => qq(onair_database "$url" $arguments;\n$main),
        server => 'location /sql { test_sql; }',
        %option);
}


sub sql
{
    my ($server, @words) = @_;

    return sql_finish(sql_start($server, @words));
}


sub sql_start
{
    my ($server, @words) = @_;

    return $server->get_start('/sql?' . join '&', @words);
}


sub sql_finish
{
    my ($asked) = @_;

    my $answer = $asked->finish(60);
    my $text = $answer->{body} // '';

    die "the test's module answers $answer->{status}: $text"
        if $answer->{status} != 200;

    return { $text =~ /^(\w+)=(\d+)$/mg } if $text =~ /^ok=/;

    my ($status, $nrows, $changed) =
        $text =~ /\A(\w+)(?: rows=(\d+) changed=(\d+)\n)?/;
    my ($integer) = $text =~ /^integer=(-?\d+)$/m;
    my (undef, @lines) = split /\n/, $text;
    my @rows = map {
        [map { $_ eq '\N' ? undef : $_ } split /\t/, $_, -1]
    } @lines[0 .. ($nrows // 0) - 1];

    return { status => $status, rows => \@rows, changed => $changed,
             integer => $integer };
}


sub available
{
    my ($server) = @_;

    return $server->get('/sql?state')->{body} =~ /available=1/;
}


1;
