#!/usr/bin/perl

# While what is asked does not answer, a known key gets on, an unknown one is
# refused, and the streams on the air do not notice; afterwards all is as
# before.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Accounts;
use Onair::RTMP;
use Onair::Server;
use Onair::Steps;

my $away = 'stream keys cannot be checked now, try again later';


sub said
{
    my ($server, $name) = @_;
    my $p = Onair::RTMP->publish($server->rtmp_port, $name);

    return ($p, $p->accepted ? 'accepted' : $p->status->{description});
}


Onair::Accounts->each(sub {
    my ($accounts) = @_;

    if (!$accounts->can_pause) {
        plan skip_all => 'SQLite has no server to stop';
    }

    my %key = map { $_ => $accounts->add_user($_) } qw(known late open);
    my $server = Onair::Server->start($accounts->configuration(
        database => 'timeout=1s connect_timeout=1s',
        app => 'publish_auth_cache 1ms stale=1h; publish_auth_timeout 1s;
                publish_auth_attempts off; publish_auth_recheck 500ms;',
        workers => 2, server => 'location /up { return 204; }'));

    my ($p, $said) = said($server, $key{known});
    is $said, 'accepted', 'a key gets known';
    $p->close;
    my ($live) = said($server, $key{open});
    ok $live->accepted, 'another one is live';

    $accounts->pause;

    for my $again (1, 2) {
        ok wait_for { ($p, $said) = said($server, $key{known});
                      $said eq 'accepted' }, 'the known key gets on';
        $p->close;
        is +(said($server, $key{late}))[1], $away, 'one not known does not';
        is +(said($server, $accounts->unknown))[1], $away, 'nor a wrong one';
        is $server->get('/up')->{status}, 204, 'others are served';
    }

    if ($accounts->kind eq 'callback') {
        my $told = () = $server->error_log =~
            /\[error\].*publish_auth: callback \S+ does not answer/g;

        ok $told >= 1 && $told <= 2, 'each worker has told once of it'
            or diag $told;
    }

    $live->audio(0, "\xaf\x00\x11\x90");
    $live->read_some(0.1);
    ok !$live->{gone}, 'and who is live stays live';

    $accounts->resume;

    ok wait_for { (said($server, $key{late}))[1] eq 'accepted' },
        'it comes back by itself';
    is +(said($server, $accounts->unknown))[1], 'wrong stream key',
        'and says what is wrong';
    like $server->error_log,
        qr/\[notice\].*(?:callback \S+ answers again|available again)/,
        'and the log that it is back';
});

done_testing;
