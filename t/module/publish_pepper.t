#!/usr/bin/perl

# A pepper that the database's keys were not made with is told to the operator;
# publishers are not told that their keys are wrong, nor locked out.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Accounts;
use Onair::RTMP;
use Onair::Server;
use Onair::Steps;

my $told = qr/\[error\] .*"publish_auth_pepper" is not the pepper that/;


sub said
{
    my ($server, $name) = @_;
    my $p = Onair::RTMP->publish($server->rtmp_port, $name);

    return $p->accepted ? 'accepted' : $p->status->{description};
}


sub pepper
{
    my ($file, $text) = @_;

    open my $out, '>', $file or die "$file: $!\n";
    print $out "$text\n";
    close $out or die "$file: $!\n";
}


sub told { scalar(() = $_[0]->error_log =~ /$told/g) }


for my $kind (grep { $_ ne 'callback' } Onair::Accounts->kinds) {
    subtest $kind, sub {
        my $accounts = Onair::Accounts->start($kind);
        my $key = $accounts->add_user('studio');
        my $file = $accounts->ctl->pepper;
        my $wrong = 'aa' x 32;

        open my $in, '<', $file or die "$file: $!\n";
        chomp(my $right = <$in>);

        pepper($file, $wrong);
        my $server = Onair::Server->start($accounts->configuration(
            app => 'publish_auth_cache 0;
                    publish_auth_attempts 2 pause=1h;'), workers => 2);

        ok wait_for { told($server) }, 'it is an error';

        is said($server, $key),
            'stream keys cannot be checked now, try again later',
            'the key is not called wrong' for 1 .. 4;
        is told($server), 1, 'it was told once';

        pepper($file, $right);
        $server->reload;
        ok wait_for { said($server, $key) eq 'accepted' },
            'the right pepper, and a reload';
        ok wait_for { said($server, $accounts->unknown)
                      eq 'wrong stream key' },
            'a wrong key is wrong again, of every worker sooner or later';
        is told($server), 1, 'nothing more was told';

        pepper($file, $wrong);
        $server->reload;
        ok wait_for { told($server) == 2 }, 'a reload with another pepper';

        unlike $server->error_log, qr/\Q$right\E|\Q$wrong\E/,
            'no pepper is in the log';
    };
}

done_testing;
