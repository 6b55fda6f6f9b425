#!/usr/bin/perl

# A rendition that is made of the source's frames, and only while somebody
# wants it: listed while it sleeps, woken by any worker's request, in step with
# the source, asleep again, withdrawn.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::LLHLS;
use Onair::Publisher;
use Onair::Server;

my $server = Onair::Server->start(
    workers => 2, load => ['ngx_http_test_ladder_module'],
    http => 'test_ladder %dir%/withdrawn 8000;');
my $file = $server->dir . '/withdrawn';
my $publisher = Onair::Publisher->ffmpeg($server->rtmp_url('news'),
                    fps => 30, gop => 60, bframes => 0);


sub multivariant { $server->get('/live/news/index.m3u8') }


ok(wait_for { multivariant()->{status} == 200 }, 'it is on the air')
    or BAIL_OUT($publisher->log);

my ($base) = multivariant()->{body} =~ m{^([a-z2-7]+)/video/}m;


sub playlist
{
    my ($name, $query) = @_;

    return $server->get("/live/news/$base/$name/index.m3u8" . ($query // ''));
}


# Those of a playlist's segments that have begun, by their numbers.
sub segments
{
    my ($text) = @_;

    my $p = Onair::LLHLS::Playlist::parse($text);

    return map { $_->{msn} => $_ } @{ $p->{segments} };
}


sub reported { playlist('video')->{body} =~ m{REPORT:URI="\.\./$_[0]/} }


# --- asleep

my $text = multivariant()->{body};
like $text, qr{^\#EXT-X-STREAM-INF:BANDWIDTH=5\d{6},.*CODECS="avc1\.[0-9a-f]{6},
               mp4a\.40\.2",RESOLUTION=\d+x\d+,FRAME-RATE=30\.000,
               AUDIO="audio"\n$base/copy/index}xm,
     'what sleeps is listed, with what it may take';
like $text, qr{^\#EXT-X-STREAM-INF:BANDWIDTH=500000,
               AVERAGE-BANDWIDTH=500000,CODECS="mp4a\.40\.2"\n
               $base/copy_audio/index}xm, 'sound alone is a variant';
is scalar(() = $text =~ /EXT-X-MEDIA:/g), 1, 'and in no group';
ok !reported('copy'), 'nobody reports on it';
is $server->get("/live/news/$base/copy/init-0.mp4")->{status}, 200,
   'its init segment is there';
ok !reported('copy'), 'which does not wake it';
is $server->get("/live/news/$base/copy/part-0.0.m4s")->{status}, 404,
   'its parts are not';


# --- waking

my ($before) = reverse sort { $a <=> $b }
               keys %{ { segments(playlist('video')->{body}) } };
my $r = playlist('copy', '?_HLS_msn=' . ($before + 40) . '&_HLS_part=2');
is $r->{status}, 200, 'who asks for it waits until it is there';

my %copy = segments($r->{body});
my ($first) = sort { $a <=> $b } keys %copy;
cmp_ok $first, '<=', $before + 2, 'not longer than to the next segment';

ok wait_for { reported('copy') }, 'now it is reported';

my $held = $server->get_start("/live/news/$base/copy/index.m3u8?_HLS_msn="
                              . ($first + 1));
$r = $server->get_finish($held);
is $r->{status}, 200, 'a blocking reload is answered';
like $r->{body}, qr/^seg-@{[ $first + 1 ]}\.m4s$/m, 'with what it waited for';

is playlist('copy_audio')->{status}, 200, 'sound alone wakes, too';


# --- in step

my $result = Onair::LLHLS::check($server->url('/live/news/index.m3u8'), 8,
                                 allow_late => 1);
is_deeply [map { Onair::LLHLS::text($_) } @{ $result->{violations} }], [],
          'all renditions keep the rules';
is scalar(keys %{ $result->{renditions} }), 4, 'four were followed';

for (['video', 'copy'], ['audio', 'copy_audio']) {
    my %source = segments(playlist($_->[0])->{body});
    my %other = segments(playlist($_->[1])->{body});
    my @both = grep { exists $source{$_} && defined $source{$_}{date}
                      && defined $other{$_}{date} } keys %other;
    my @apart = grep { abs($source{$_}{date} - $other{$_}{date}) > 0.001 }
                @both;

    cmp_ok scalar(@both), '>=', 3, "$_->[1] has segments of the source's";
    is_deeply \@apart, [], 'which begin at the same time';
}


# --- asleep again

ok wait_for(sub { !reported('copy') }), 'nobody asked: it sleeps';
is playlist('copy')->{status}, 200, 'and wakes once more';


# --- withdrawn

%copy = segments(playlist('copy')->{body});
my ($last) = reverse sort { $a <=> $b } keys %copy;
$held = $server->get_start("/live/news/$base/copy/index.m3u8?_HLS_msn="
                           . ($last + 1));
open my $handle, '>', $file or die "$file: $!\n";
close $handle;

is $server->get_finish($held)->{status}, 404, 'who waits is told of it';
is playlist('copy')->{status}, 404, 'who comes, too';
is $server->get("/live/news/$base/copy/init-0.mp4")->{status}, 404,
   'whatever is asked for';
ok wait_for(sub { multivariant()->{body} !~ m{/copy/} }),
   'it is no longer listed';
like multivariant()->{body}, qr{/video/}, 'as the source is';

unlink $file;
ok wait_for(sub { multivariant()->{body} =~ m{/copy/} }), 'until it is back';
is playlist('copy')->{status}, 200, 'and can be had';


# --- the publisher comes back

my ($sequence) = reverse sort { $a <=> $b }
                 keys %{ { segments(playlist('copy')->{body}) } };
$publisher->kill;
$publisher = Onair::Publisher->ffmpeg($server->rtmp_url('news'),
                 fps => 30, gop => 60, bframes => 0);

ok wait_for(sub {
    my %s = segments(playlist('copy')->{body});

    return grep { $_ > $sequence && $s{$_}{discontinuity} } keys %s;
}), 'it goes on with a publisher that returns';

ok $publisher->running, 'the publisher was not cut off';
$publisher->stop;
$server->stop;
done_testing;
