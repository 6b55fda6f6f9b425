package Onair::Ladder;

# What a server tells of a channel's quality ladder.
#
#   my $ladder = Onair::Ladder->new($server, 'name');
#   $ladder->rung('low')            as /status.json has it: state, reason, …;
#                                   undef while it is not there
#   $ladder->rendition('low')       the rendition that it is of
#   $ladder->warnings               sentences
#   $ladder->wait_state('low', 'on')            its rung then; also /regex/
#   $ladder->wait_state('low', 'withdrawn', 'too slow')     with the reason
#   $ladder->wait_frames('low', 30)  until it has coded so many more
#   $ladder->begins('low')          msn => seconds when a segment that is whole
#                                   begins, as presented
#   $ladder->log                    what the server's log says of ladders
#   Onair::Ladder::small(%modes)    rungs for sources of 320x180 that a small
#                                   machine makes: low (160x90), half (half the
#                                   frame rate), listen (audio); none is shed,
#                                   however much else the machine does, unless
#                                   shed => 'on'

use strict;
use warnings;

use JSON::PP ();

use Onair::LLHLS::Media;
use Onair::Server;
use Onair::Viewer;


sub small
{
    my (%mode) = (low => 'always', half => 'ondemand', listen => 'ondemand',
                  shed => 'off', @_);

    return <<"END";
        transcode on;
        transcode_device cpu;
        transcode_shed $mode{shed};
        transcode_rendition low height=90 bitrate=100k preset=ultrafast
                            mode=$mode{low};
        transcode_rendition half height=120 fps=15 bitrate=150k
                            preset=ultrafast mode=$mode{half};
        transcode_rendition listen audio=48k mode=$mode{listen};
END
}


sub new
{
    my ($class, $server, $channel) = @_;

    return bless {
        server => $server, channel => $channel,
        viewer => Onair::Viewer->new($server, $channel),
    }, $class;
}


sub viewer { $_[0]{viewer} }


sub channel
{
    my ($self) = @_;
    my $status = JSON::PP::decode_json(
        $self->{server}->get('/status.json')->{body});
    my ($channel) = grep { $_->{channel} eq $self->{channel} }
                    @{ $status->{channels} };

    return $channel;
}


sub rendition
{
    my ($self, $name) = @_;
    my $channel = $self->channel or return undef;
    my ($rendition) = grep { $_->{name} eq $name } @{ $channel->{renditions} };

    return $rendition;
}


sub rung
{
    my ($self, $name) = @_;

    return ($self->rendition($name) // {})->{rung};
}


sub log
{
    my ($self) = @_;

    return join '', $self->{server}->error_log
                    =~ /^.*(?:transcode|ingest): .*\n/mg;
}


sub warnings
{
    my ($self) = @_;

    return @{ ($self->channel // {})->{warnings} // [] };
}


sub wait_state
{
    my ($self, $name, $state, $reason) = @_;

    return wait_for {
        my $rung = $self->rung($name);
        $rung && $rung->{state} eq $state
            && (!defined $reason || $rung->{reason} =~ /^$reason/)
            ? $rung : undef;
    } 60;
}


sub wait_frames
{
    my ($self, $name, $frames) = @_;
    my $begun = ($self->rung($name) // {})->{frames} // 0;

    return wait_for {
        (($self->rung($name) // {})->{frames} // 0) >= $begun + $frames;
    } 60;
}


sub begins
{
    my ($self, $name) = @_;
    my $viewer = $self->{viewer};
    my $list = $viewer->playlist($name) or return {};
    my (%begins, $map, $init);

    for my $segment (grep { $_->{whole} } @{ $list->{segments} }) {
        if (($map // '') ne $segment->{map}) {
            $map = $segment->{map};
            $init = Onair::LLHLS::Media::init($viewer->fetch($map));
        }

        my @fragments = Onair::LLHLS::Media::fragments(
            $viewer->fetch($segment->{uri}), $init);

        $begins{ $segment->{msn} } = $fragments[0]{presented}
                                     / $init->{timescale};
    }

    return \%begins;
}


1;
