#!/usr/bin/perl

# The callback is asked as nginx-rtmp's on_publish asks, and its answers mean
# the same.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Accounts::Judge;
use Onair::AMF;
use Onair::RTMP;
use Onair::Server;
use Onair::Server qw(free_port);

my $judge = Onair::Accounts::Judge->new;
my $server = Onair::Server->start(workers => 1, rtmp_app => 'publish_auth '
    . $judge->url . '; publish_auth_cache 0; publish_auth_attempts off;');


sub ask
{
    my ($on, $name) = @_;
    my $p = Onair::RTMP->new($on->rtmp_port);

    $p->handshake;
    $p->connect(swfUrl => 'http://swf/', pageUrl => 'http://page/?a=b&c');
    $p->create_stream;
    $p->command('publish', undef, Onair::AMF::string($name), 'live');

    return $p;
}


sub answered
{
    my ($name, @answer) = @_;
    my $p = ask($server, $name);

    $judge->answer($judge->question, @answer);
    my $status = $p->wait_status;

    return $status->{code} =~ /Start$/ ? 'accepted' : $status->{description};
}


# --- the question ----------------------------------------------------------

my $p = ask($server, 'se cret?token=t%20&addr=9.9.9.9&NAME=x&a%64dr=y&+addr=z'
    . '&addr[x]=z&addr&=z&list=a;addr=z');
my $question = $judge->question;
my ($head, $body) = split /\r\n\r\n/, $question->{text}, 2;
my %field = map { /^(.*?)=(.*)$/ } split /&/, $body;

like $head, qr{^POST /on_publish HTTP/1\.0\r\n}, 'a POST';
like $head, qr{^Content-Type: application/x-www-form-urlencoded\r?$}mi,
    'of a form';
is_deeply [map { $field{$_} } qw(app call name type swfurl addr token)],
    ['live', 'publish', 'se%20cret', 'live', 'http://swf/', '127.0.0.1',
     't%20'], 'with the fields of on_publish';
like $field{clientid}, qr/^\d+$/, 'and the connection';
unlike $body, qr/9\.9\.9\.9|NAME|a%64dr|\+addr|addr\[|addr(?:&|$)|&=|;/,
    'arguments that would stand for a field are left out';
is $field{list}, 'a%3Baddr=z', 'a value stays one';
unlike $head, qr/cret/, 'the name is in the body only';
$judge->answer($question, '302 Found', 'X: y', 'LOCATION:  studio ');
is $p->wait_status->{code}, 'NetStream.Publish.Start', 'it is accepted';
ok wait_for { $server->error_log =~ /channel "studio" admitted/ },
    'as what Location says';
$p->close;

# --- answers ---------------------------------------------------------------

my $down = 'stream keys cannot be checked now, try again later';
my $bad = qr/^the channel's name has only/;

is answered('one', '200 OK'), 'accepted', '200: the name is the channel';
is answered('two', '301 Moved'), 'accepted', '3xx without Location';
is answered('x', '404 No'), 'wrong stream key', '4xx: refused';
is answered('x', '500 Oops'), $down, '5xx: it is down';
is answered('x', '100 Continue'), $down, '1xx: it is down';
is answered('x', 'what'), $down, 'no HTTP: it is down';
like answered('a b', '200 OK'), $bad, 'a name that is no channel';
like answered('x', '302 F', 'Location: rtmp://elsewhere/x'), $bad,
    'a push elsewhere is not supported';
like answered('x', '302 F', 'Location: ../x'), $bad, 'nor a path';
like answered('x', '302 F', 'Location: ' . 'x' x 500), $bad,
    'nor a long name';
is answered('y', '200 OK', map { "H$_: " . 'x' x 200 } 1 .. 100), 'accepted',
    'a long head';

$p = ask($server, 'cut');
$question = $judge->question;
syswrite $question->{socket}, "HTTP/1.0 302 Found\r\nLocation: stu";
close $question->{socket};
is $p->wait_status->{description}, $down, 'a channel that is cut off';

$p = ask($server, 'z');
$question = $judge->question;
close $question->{socket};
is $p->wait_status->{description}, $down, 'no answer: it is down';

$p = ask($server, 'slow');
$question = $judge->question;
is $p->wait_status->{description}, $down, 'nor one in time';

# --- nobody there ----------------------------------------------------------

my $nobody = 'publish_auth http://127.0.0.1:' . free_port() . '/;';

for my $case ([refuse => $down], [allow => 'accepted']) {
    my $s = Onair::Server->start(workers => 1,
        rtmp_app => "$nobody publish_auth_callback_down $case->[0];");
    my $status = ask($s, 'studio')->wait_status;

    is $status->{code} =~ /Start$/ ? 'accepted' : $status->{description},
        $case->[1], "nobody there: $case->[0]";
    like $s->error_log, qr/\[error\].*callback 127\.0\.0\.1:\d+ cannot be/,
        'the log says so';
}

# --- while it is live ------------------------------------------------------

my $again = Onair::Server->start(workers => 1, rtmp_app => 'publish_auth '
    . $judge->url . '; publish_auth_recheck 200ms;');

$p = ask($again, 'key');
$judge->answer($judge->question, '302 Found', 'Location: studio');
is $p->wait_status->{code}, 'NetStream.Publish.Start', 'it is live';
$question = $judge->question;
like $question->{text}, qr/&call=update_publish&time=\d+&timestamp=\d+&name=key/,
    'and the callback is asked again';
$judge->answer($question, '500 Oops');
$question = $judge->question;
ok !$p->{gone}, 'a callback that is down ends nothing';
$judge->answer($question, '200 OK');
$judge->answer($judge->question, '403 Forbidden');
is $p->wait_status->{description}, 'the permission to publish was withdrawn',
    'a refusal ends the stream';
ok $p->wait_closed, 'and the connection';

done_testing;
